"""What of a scan's step feeds what: backward and forward slices of its operations."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects.rnn import ScanOp


class Step:
    """The operations of a scan's step (those of inner regions count as their outer operation's).

    Attributes:
        reads: for each operation, in order, what it and its regions read of the step's own values.
        varying: the operations that read, directly or not, an argument of the step: they may have
            another value in each step. The terminator is left out.
    """

    def __init__(self, scan: ScanOp):
        self.scan = scan
        block = scan.body.block
        own: set[SSAValue] = set(block.args)
        varying: set[SSAValue] = set(block.args)
        self.reads: dict[Operation, list[SSAValue]] = {}
        self.varying: set[Operation] = set()
        for op in block.ops:
            if op is scan.terminator:
                continue
            self.reads[op] = [v for inner in op.walk() for v in inner.operands if v in own]
            own.update(op.results)
            if any(v in varying for v in self.reads[op]):
                varying.update(op.results)
                self.varying.add(op)
        self._varying_values = varying

    def varies(self, value: SSAValue) -> bool:
        """Whether a value may be another one in each step."""
        return value in self._varying_values

    def feeding(self, values: Iterable[SSAValue]) -> set[Operation]:
        """The operations of the step that values are computed from."""
        found: set[Operation] = set()
        work = list(values)
        while work:
            owner = work.pop().owner
            if not isinstance(owner, Block) and owner in self.reads and owner not in found:
                found.add(owner)
                work += self.reads[owner]
        return found

    def reached(self, ops: Iterable[Operation]) -> set[Operation]:
        """The operations of the step that read results of `ops`, directly or not, and `ops`."""
        found = set(ops)
        for op, values in self.reads.items():
            if any(v.owner in found for v in values):
                found.add(op)
        return found
