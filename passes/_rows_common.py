"""What the rules of batch-sequences share."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from rnncc.dialects._types import node_name, shape_of, symbols_of, type_of
from rnncc.errors import PassError
from rnncc.passes._emit import Emitter
from rnncc.passes._rows import Rows, rows_type

Value = Rows | SSAValue
"""A value of each sequence, or one that they share."""


def refuse(op: Operation, reason: str, hint: str | None = None) -> PassError:
    """The error for an operation that has no exact form for many sequences."""
    node = node_name(op)
    where = f"node '{node}' ({op.name})" if node else op.name
    return PassError(f"batch-sequences: {where}: {reason}", hint)


def made(op: Operation, value: SSAValue, axis: int, grown: bool, time: int | None) -> Rows:
    """The result of an operation, checked against the type it has for one sequence."""
    rows = Rows(value, type_of(op.results[0]), axis, grown, time)
    wanted = rows_type(rows.one, axis, grown, shape_of(value)[axis])
    if wanted != value.type:
        raise refuse(op, f"it would become {value.type}, not {wanted}")
    return rows


def keeps_time(op: Operation, rows: Rows, *axes: int) -> None:
    """Where lengths differ, nothing but a scan may look along the time."""
    if rows.time is not None and rows.time in axes:
        raise refuse(
            op,
            "it looks along the time, which ends elsewhere in each sequence of a ragged batch",
            "sequences of one length can be batched: policy=pad, without ragged",
        )


def leader(rows: list[Rows], one: TensorType) -> tuple[int, bool]:
    """Where a result of NumPy's broadcasting can have its sequences without moving the largest operand."""
    rank = len(shape_of(one))
    for r in sorted(rows, key=lambda r: -len(shape_of(r.one))):
        axis = r.axis + rank - len(shape_of(r.one))
        if not r.grown or shape_of(one)[axis] == 1:
            return axis, r.grown
    return 0, False


def aligned(r: Rows, axis: int, grown: bool, rank: int, emit: Emitter) -> SSAValue:
    """An operand of each sequence where the result of `rank` dimensions has them on `axis`."""
    shape, symbols = shape_of(r.one), symbols_of(r.one)
    own = axis - (rank - len(shape))
    if own >= 0 and not (grown and shape[own] != 1):
        return r.put(emit, own, grown)
    value = r.put(emit, 0, False)
    gap = rank - len(shape) - axis - grown
    return emit.reshape(
        value, (*[1] * axis, r.size, *[1] * gap, *shape), (*[""] * (axis + 1 + gap), *symbols)
    )
