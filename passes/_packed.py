"""Packed scans: rows sorted by length, so that those still running are the first ones."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of
from rnncc.passes._batch import POINTWISE
from rnncc.passes._emit import Emitter

PACKED_ATTR = "rnn.packed"
"""On a scan with lens: they are in descending order (`batch-sequences`)."""


def is_packed(scan: rnn.ScanOp) -> bool:
    """Whether a scan's steps can work on the rows that are still running only."""
    return PACKED_ATTR in scan.attributes and rows_of_step(scan) is not None


def rows_of_step(scan: rnn.ScanOp) -> set[SSAValue] | None:
    """The values of a step that have the rows as axis 0; None if one has them elsewhere, or mixes them."""
    if scan.lens is None:
        return None
    (size,) = shape_of(scan.lens)
    rows: set[SSAValue] = {*scan.slice_args, *scan.state_args}
    for op in scan.body.block.ops:
        if isinstance(op, rnn.YieldOp):
            return rows if all(v in rows for v in op.arguments) else None
        if op.regions:
            return None
        if not any(v in rows for v in op.operands):
            continue
        if not _keeps_first(op, rows) or shape_of(op.results[0])[:1] != (size,):
            return None
        rows.add(op.results[0])
    return None


def _keeps_first(op: Operation, rows: set[SSAValue]) -> bool:
    """Whether row i of the result depends on row i of the operands in `rows` alone."""
    if isinstance(op, POINTWISE):
        rank = len(shape_of(op.results[0]))
        return all(len(shape_of(v)) == rank for v in op.operands if v in rows)
    if isinstance(op, nn.MatmulOp):
        return op.a in rows and op.b not in rows and len(shape_of(op.b)) == 2
    if isinstance(op, nn.SliceOp):
        first = (op.starts, op.sizes, op.steps)
        return [p.get_values()[0] for p in first] == [0, shape_of(op.x)[0], 1]
    if isinstance(op, nn.ConcatOp):
        return op.axis.value.data != 0 and all(v in rows for v in op.parts)
    if isinstance(op, nn.GatherOp):
        return op.axis.value.data == 0 and op.indices in rows and op.data not in rows
    if isinstance(op, nn.TransposeOp):
        return op.perm.get_values()[0] == 0
    return isinstance(op, nn.ReshapeOp)


def inputs_forward(scan: rnn.ScanOp, emit: Emitter, lens: SSAValue) -> list[SSAValue]:
    """The inputs of a scan, those that are read backward turned, each row by its own length."""
    return [
        emit(nn.ReverseSequenceOp(value, lens)) if reverse else value
        for value, reverse in zip(scan.inputs, scan.input_flags, strict=True)
    ]


def forward(scan: rnn.ScanOp, emit: Emitter, lens: SSAValue) -> rnn.ScanOp:
    """Turn what runs backward by rows, and keep the lengths for `lower-to-npu`.

    Args:
        lens: the scan's lengths, within 0 and the actual number of steps.
    """
    inputs = inputs_forward(scan, emit, lens)
    flags, inits = scan.output_flags, list(scan.inits)
    new = rnn.ScanOp.make(
        inputs,
        inits,
        scan.detach_region(scan.body),
        max_steps=scan.count,
        symbol=scan.symbol.data,
        lens=lens,
    )
    new.attributes |= scan.attributes
    emit.add(new)
    for old, state in zip(scan.states, new.states, strict=True):
        old.replace_all_uses_with(state)
        state.name_hint = old.name_hint
    for old, output, reverse in zip(scan.outputs, new.outputs, flags, strict=True):
        value = emit(nn.ReverseSequenceOp(output, lens)) if reverse else output
        old.replace_all_uses_with(value)
        value.name_hint = old.name_hint
    scan.detach()
    scan.erase()
    return new
