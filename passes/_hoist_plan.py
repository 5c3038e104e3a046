"""What of a scan's step can leave it, for `hoist-input-projection`."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, type_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._batch import POINTWISE, can_batch
from rnncc.passes._scan_invariants import is_outside


class HoistPlan:
    """What of a scan's step can and should be done for all steps at once.

    Attributes:
        reverse: each value of a step that needs no carried state -> whether it runs backward.
        candidates: the operations that can leave, in order.
        chosen: those that should: products, what they are computed from, and what follows them element by element.
    """

    def __init__(self, scan: ScanOp):
        self.scan = scan
        self.reverse: dict[SSAValue, bool] = dict(
            zip(scan.slice_args, scan.input_flags, strict=True)
        )
        self.candidates = [op for op in scan.body.block.ops if self._is_candidate(op)]
        self.chosen: set[Operation] = set()
        for op in self.candidates:
            if isinstance(op, nn.MatmulOp):
                self._choose(op)
        for op in self.candidates:
            if op not in self.chosen and self._follows(op):
                self.chosen.add(op)

    def _is_candidate(self, op: Operation) -> bool:
        steps = [v for v in op.operands if v in self.reverse]
        if not steps or op.regions or not isinstance(op, nn.NNOp):
            return False
        if not all(v in self.reverse or is_outside(v, self.scan) for v in op.operands):
            return False
        flags = {self.reverse[v] for v in steps}
        by_row = self.scan.lens is not None and True in flags
        if len(flags) > 1 or not can_batch(op, self.reverse.__contains__, by_row):
            return False
        self.reverse[op.results[0]] = flags.pop()
        return True

    def _choose(self, op: Operation) -> None:
        """Take an operation and everything of the step that it is computed from."""
        if op in self.chosen:
            return
        self.chosen.add(op)
        for value in op.operands:
            if value in self.reverse and isinstance(value.owner, Operation):
                self._choose(value.owner)

    def _follows(self, op: Operation) -> bool:
        """Whether an element-wise operation belongs to hoisted products, and is no larger."""
        if not isinstance(op, POINTWISE):
            return False
        made = [v for v in op.operands if v.owner in self.chosen]
        ready = all(
            v.owner in self.chosen or is_outside(v, self.scan) or v in self.scan.slice_args
            for v in op.operands
        )
        size = type_of(op.results[0]).get_shape()
        return ready and any(shape_of(v) == size for v in made)


def kept_values(scan: ScanOp) -> list[SSAValue]:
    """What the hoisted part of a step hands to the rest of it: empty when nothing can leave."""
    plan = HoistPlan(scan)
    return [
        op.results[0]
        for op in plan.candidates
        if op in plan.chosen and any(u.operation not in plan.chosen for u in op.results[0].uses)
    ]
