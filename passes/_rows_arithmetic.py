"""Rules of batch-sequences: element-wise operations and products."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, type_of
from rnncc.passes._batch import rebuilt
from rnncc.passes._emit import Emitter
from rnncc.passes._rows import Rows
from rnncc.passes._rows_common import Value, aligned, keeps_time, leader, made, refuse


def pointwise(op: Operation, args: Sequence[Value], emit: Emitter) -> Rows:
    """Element by element: every operand on the axis of the first that can lead."""
    one = type_of(op.results[0])
    rank = len(shape_of(one))
    rows = [a for a in args if isinstance(a, Rows)]
    axis, grown = leader(rows, one)
    operands = [
        aligned(a, axis, grown, rank, emit)
        if isinstance(a, Rows)
        else _opened(a, axis, grown, rank, emit)
        for a in args
    ]
    times = {r.time + rank - len(shape_of(r.one)) for r in rows if r.time is not None}
    if len(times) > 1:
        raise refuse(op, "it combines two axes of time")
    return made(op, rebuilt(op, operands, emit), axis, grown, times.pop() if times else None)


def _opened(value: SSAValue, axis: int, grown: bool, rank: int, emit: Emitter) -> SSAValue:
    """A shared operand, with an axis of size 1 where the others have an additional one."""
    own = axis - (rank - len(shape_of(value)))
    return value if grown or own <= 0 else emit.unsqueeze(value, own)


def matmul(op: nn.MatmulOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """Shared weights: the sequences are more rows of one product; else a product for each."""
    a, b = args
    transposed = op.transpose_b is not None
    one = type_of(op.result)
    rank = len(shape_of(one))
    time = _product_time(op, a, b, rank, transposed)
    if isinstance(a, Rows) and not isinstance(b, Rows):
        depth = len(shape_of(a.one))
        axis = a.axis + rank - depth
        flat = len(shape_of(b)) == 2
        if a.grown and a.axis <= depth - 2 and shape_of(one)[axis] == 1:
            return made(op, emit(nn.MatmulOp(a.value, b, transposed)), axis, True, time)
        if flat and not a.grown and a.axis <= depth - 1:
            return made(op, emit(nn.MatmulOp(a.value, b, transposed)), a.axis, False, time)
    if isinstance(a, Rows) and isinstance(b, Rows) and a.grown and b.grown:
        far = [r.axis - len(shape_of(r.one)) for r in (a, b)]
        if far[0] == far[1] < -2:
            value = emit(nn.MatmulOp(a.value, b.value, transposed))
            return made(op, value, far[0] + rank, True, time)
    left, right = (_front(v, rank, emit) for v in (a, b))
    return made(op, emit(nn.MatmulOp(left, right, transposed)), 0, False, time)


def _front(v: Value, rank: int, emit: Emitter) -> SSAValue:
    """The sequences as first of all dimensions, in front of as many as the result has."""
    if not isinstance(v, Rows):
        return v
    shape, symbols = shape_of(v.one), symbols_of(v.one)
    gap = rank - len(shape)
    return emit.reshape(
        v.put(emit, 0, False), (v.size, *[1] * gap, *shape), (*[""] * (gap + 1), *symbols)
    )


def _product_time(op: nn.MatmulOp, a: Value, b: Value, rank: int, transposed: bool) -> int | None:
    times = set()
    if isinstance(a, Rows) and a.time is not None:
        keeps_time(op, a, len(shape_of(a.one)) - 1)
        times.add(a.time + rank - len(shape_of(a.one)))
    if isinstance(b, Rows) and b.time is not None:
        depth = len(shape_of(b.one))
        keeps_time(op, b, depth - 1 if transposed else depth - 2)
        times.add(rank - 1 if b.time >= depth - 2 else b.time + rank - depth)
    if len(times) > 1:
        raise refuse(op, "it combines two axes of time")
    return times.pop() if times else None
