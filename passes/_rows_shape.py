"""Rules of batch-sequences: other shapes of the same elements."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter
from rnncc.passes._rows import Rows, place_in, rows_type
from rnncc.passes._rows_common import Value, aligned, leader, made, refuse


def reshape(op: nn.ReshapeOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """The same elements of each sequence."""
    (x,) = args
    assert isinstance(x, Rows)
    one = type_of(op.result)
    shape, symbols = shape_of(x.one), symbols_of(x.one)
    time = _reshaped_time(op, x, one)
    place = place_in(one, prod(shape[: x.axis]), list(filter(None, symbols[: x.axis])))
    if place is None or 0 in shape:
        place, value = (0, False), x.put(emit, 0, False)
    else:
        value = x.value
    wanted = rows_type(one, *place, x.size)
    return made(op, emit.reshape(value, shape_of(wanted), symbols_of(wanted)), *place, time)


def _reshaped_time(op: Operation, x: Rows, one: TensorType) -> int | None:
    if x.time is None:
        return None
    size, symbol = shape_of(x.one)[x.time], symbols_of(x.one)[x.time]
    before = prod(shape_of(x.one)[: x.time])
    shape, symbols = shape_of(one), symbols_of(one)
    for i, n in enumerate(shape):
        if (n, symbols[i]) == (size, symbol) and prod(shape[:i]) == before:
            return i
    raise refuse(op, "it mixes the time with another dimension, in a ragged batch")


def transpose(op: nn.TransposeOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """Dimensions change places; an additional one keeps its own."""
    (x,) = args
    assert isinstance(x, Rows)
    perm = list(op.perm.get_values())
    time = None if x.time is None else perm.index(x.time)
    if x.grown:
        value = emit(nn.TransposeOp(x.value, perm))
        return made(op, value, perm.index(x.axis), True, time)
    moved = [p + (p >= x.axis) for p in perm]
    moved.insert(x.axis, x.axis)
    return made(op, emit(nn.TransposeOp(x.value, moved)), x.axis, False, time)


def broadcast(op: nn.BroadcastOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """Each sequence's value repeated."""
    (x,) = args
    assert isinstance(x, Rows)
    one = type_of(op.result)
    rank = len(shape_of(one))
    axis, grown = leader([x], one)
    value = aligned(x, axis, grown, rank, emit)
    time = None if x.time is None else x.time + rank - len(shape_of(x.one))
    value = emit(nn.BroadcastOp(value, rows_type(one, axis, grown, x.size)))
    return made(op, value, axis, grown, time)
