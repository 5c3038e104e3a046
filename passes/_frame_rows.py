"""Rows of a batch that are skipped each on its own: the step becomes a loop over rows.

An instruction computes all rows of a tensor; a row can be left out only by not being in it. So the
work of a step is written down for one row, and done row by row, those alone that are not near.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.dialects.rnn import INDEX, IfOp, ScanOp, YieldOp, slice_type
from rnncc.passes._emit import Emitter
from rnncc.passes._frame_front import one_step
from rnncc.passes._frame_time import Time, operand_times

ROWS = Time(0)
"""Rows are axis 0."""


class RowStep:
    """The work of a step, taken apart by rows.

    Args:
        block: the step for all rows, ended by rnn.yield; every value it yields has the rows as axis 0.
        given: the values from around it that have the rows as axis 0.
        rows: how many, more than 1.
    """

    def __init__(self, block: Block, given: Sequence[SSAValue], rows: int):
        self.block, self.rows = block, rows
        end = block.last_op
        assert isinstance(end, YieldOp)
        self.end = end
        self.times: dict[SSAValue, Time] = dict.fromkeys(end.arguments, ROWS)
        self.possible = all(shape_of(v)[:1] == (rows,) for v in end.arguments)
        for op in reversed(list(block.ops)):
            if op is not end and any(r in self.times for r in op.results):
                self._through(op)
        self.leaves = [v for v in self.times if v.owner not in self._own()]
        self.possible &= all(v in given and self.times[v] == ROWS for v in self.leaves)

    def _own(self) -> set[Operation]:
        return {op for op in self.block.ops if not isinstance(op, nn.ConstantOp)}

    def _through(self, op: Operation) -> None:
        found = None
        if len(op.results) == 1:
            found = operand_times(op, self.times[op.results[0]], self.rows, "")
        given = {op.operands[k]: at for k, at in (found or {}).items()}
        if not given or any(self.times.get(v, at) != at for v, at in given.items()):
            self.possible = False
        self.times.update(given)

    def write(self, parts: Mapping[SSAValue, SSAValue], emit: Emitter) -> list[SSAValue]:
        """Do the work for one row.

        Args:
            parts: for each value that the step reads from around it, its row, without the axis.

        Returns:
            What the step yields, of the row, without the axis.
        """
        known: dict[SSAValue, SSAValue] = {}
        for value in self.leaves:
            kind = ROWS.step_type(value)
            known[value] = emit.reshape(parts[value], kind.get_shape(), symbols_of(kind))
        for op in self.block.ops:
            if op is self.end:
                continue
            named = Emitter(op, emit.place)
            if len(op.results) == 1 and op.results[0] in self.times:
                operands = [known.get(v, v) for v in op.operands]
                known[op.results[0]] = one_step(op, operands, self.times[op.results[0]], named)
            else:
                copy = op.clone(known)
                named.add(copy)
                known.update(zip(op.results, copy.results, strict=True))
        return [
            emit.reshape(known[v], shape_of(v)[1:], symbols_of(v)[1:]) for v in self.end.arguments
        ]


def row_by_row(
    step: RowStep, near: SSAValue, old: Sequence[SSAValue], emit: Emitter
) -> list[SSAValue]:
    """A scan over rows in which those that are `near` keep what they have.

    Args:
        near: i1 [rows].
        old: what a skipped row keeps, [rows, ...], for each value that the step yields.

    Returns:
        The new values, [rows, ...].
    """
    values = list(dict.fromkeys([*old, *step.leaves]))
    inputs = [near, *values]
    block = Block(arg_types=[INDEX, *(slice_type(v.type, step.rows, "") for v in inputs)])
    parts = dict(zip(values, block.args[2:], strict=True))
    skip, process = Block(), Block()
    skip.add_op(YieldOp(*(parts[v] for v in old)))
    made = step.write(parts, Emitter(emit.source, InsertPoint.at_end(process)))
    process.add_op(YieldOp(*made))
    choice = IfOp.make(block.args[1], skip, process)
    Emitter(emit.source, InsertPoint.at_end(block)).add(choice)
    block.add_op(YieldOp(*choice.results))
    scan = ScanOp.make(inputs, [], block, max_steps=step.rows)
    emit.add(scan)
    return list(scan.outputs)
