"""The work in front of a recurrence that is done frame by frame, and feeds nothing else.

A CNN that runs over all frames as one batch is taken apart here: `Front` finds the operations
between the model's frames and a scan's inputs in which every step stays by itself, and writes them
down once more for a single step.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from math import prod

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter
from rnncc.passes._frame_time import Time, operand_times
from rnncc.passes._one_step import operation_of_step


@dataclass
class Front:
    """What can move into a scan's step.

    Attributes:
        scan: the recurrence.
        numbers: its inputs that are looked at.
        ops: the operations, in order; nothing else reads their results.
        roots: what they and the inputs are made of: sequences, and where the time is in each.
    """

    scan: ScanOp
    numbers: Collection[int]
    ops: list[Operation] = field(default_factory=list)
    roots: dict[SSAValue, Time] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scan = self.scan
        times = {scan.inputs[k]: Time(0) for k in self.numbers}
        sunk: set[Operation] = set()
        block = scan.parent
        assert block is not None
        op = scan.prev_op
        while op is not None:
            value = op.results[0] if len(op.results) == 1 else None
            if value is not None and value in times and self._alone(value, sunk):
                found = operand_times(op, times[value], scan.count, scan.symbol.data)
                given = {op.operands[k]: at for k, at in (found or {}).items()}
                if given and all(times.get(v, at) == at for v, at in given.items()):
                    sunk.add(op)
                    times.update(given)
            op = op.prev_op
        self.ops = [op for op in block.ops if op in sunk]
        self.roots = {v: at for v, at in times.items() if v.owner not in sunk}
        self._times = times

    def _alone(self, value: SSAValue, sunk: set[Operation]) -> bool:
        return all(
            use.operation in sunk or (use.operation is self.scan and use.index in self.numbers)
            for use in value.uses
        )

    def rows_first(self, rows: int) -> bool:
        """Whether axis 0 of the inputs' slices, of `rows` elements, is axis 0 of each root's step."""
        at = {self.scan.inputs[k]: Time(1) for k in self.numbers}
        if any(shape_of(v)[1:2] != (rows,) for v in at):
            return False
        for op in reversed(self.ops):
            found = operand_times(op, at[op.results[0]], rows, "")
            given = {op.operands[k]: place for k, place in (found or {}).items()}
            if not given or any(at.get(v, place) != place for v, place in given.items()):
                return False
            at.update(given)
        return all(v in at and self._ahead(v, at[v]) == 1 for v in self.roots)

    def _ahead(self, root: SSAValue, rows: Time) -> int:
        """Elements of one step of a root in front of the rows' second."""
        time = self.roots[root]
        ahead, before = (prod(shape_of(root)[: t.axis]) * t.outer for t in (rows, time))
        return ahead // self.scan.count if before < ahead else ahead

    def sequences(self, emit: Emitter) -> list[SSAValue]:
        """The roots with the time first: [T, one step...], without the axis of a time that is alone."""
        return [_time_first(emit, v, at, self.scan) for v, at in self.roots.items()]

    def step(self, slices: Collection[SSAValue], emit: Emitter) -> dict[SSAValue, SSAValue]:
        """Do the front for one step.

        Args:
            slices: one step of each root.

        Returns:
            The scan's inputs (their slices, as the scan's step takes them) by input value.
        """
        known: dict[SSAValue, SSAValue] = {}
        for (value, at), part in zip(self.roots.items(), slices, strict=True):
            kind = at.step_type(value)
            known[value] = emit.reshape(part, kind.get_shape(), symbols_of(kind))
        for op in self.ops:
            operands = [known.get(v, v) for v in op.operands]
            at, value = self._times[op.results[0]], op.results[0]
            named = Emitter(op, emit.place)
            made = one_step(op, operands, at, named)
            made.name_hint = value.name_hint
            known[value] = made
        inputs = {}
        for k in self.numbers:
            value, argument = self.scan.inputs[k], self.scan.slice_args[k]
            inputs[value] = emit.reshape(known[value], shape_of(argument), symbols_of(argument))
        return inputs


def _time_first(emit: Emitter, value: SSAValue, at: Time, scan: ScanOp) -> SSAValue:
    shape, symbols = shape_of(value), symbols_of(value)
    pre, post = shape[: at.axis], shape[at.axis + 1 :]
    pre_names, post_names = symbols[: at.axis], symbols[at.axis + 1 :]
    split, names = [scan.count], [scan.symbol.data]
    if at.outer > 1:
        split, names = [at.outer, *split], ["", *names]
    if at.inner > 1:
        split, names = [*split, at.inner], [*names, ""]
    value = emit.reshape(value, (*pre, *split, *post), (*pre_names, *names, *post_names))
    place = at.axis + (at.outer > 1)
    perm = [place, *(k for k in range(len(shape_of(value))) if k != place)]
    if place:
        value = emit(nn.TransposeOp(value, perm))
    alone = at.outer == at.inner == 1
    rest = (*pre, *([] if alone else [at.outer * at.inner]), *post)
    names = [*pre_names, *([] if alone else [""]), *post_names]
    return emit.reshape(value, (scan.count, *rest), (scan.symbol.data, *names))


def one_step(op: Operation, operands: list[SSAValue], at: Time, emit: Emitter) -> SSAValue:
    """An operation that `operand_times` understands, on the operands of one step.

    Raises:
        PassError: it gives another type than one step of its result.
    """
    wanted = at.step_type(op.results[0])
    if isinstance(op, nn.ReshapeOp):
        return emit.reshape(operands[0], wanted.get_shape(), symbols_of(wanted))
    assert isinstance(op, nn.NNOp)
    return emit(operation_of_step(op, operands, wanted, at.axis))
