"""Rules of batch-sequences: operations along certain axes, which the sequences keep out of."""

from __future__ import annotations

from collections.abc import Sequence

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.passes._emit import Emitter
from rnncc.passes._rows import Rows, spread
from rnncc.passes._rows_common import Value, keeps_time, made, refuse


def _apart(x: Rows, axes: Sequence[int], emit: Emitter) -> Rows:
    """x with its sequences on an axis that an operation on `axes` does not touch."""
    if x.grown and x.axis in axes:
        return Rows(x.put(emit, 0, False), x.one, 0, False, x.time)
    return x


def _shifted(x: Rows, axis: int) -> int:
    return axis if x.grown else axis + (axis >= x.axis)


def slice_(op: nn.SliceOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """The same part of each sequence."""
    (x,) = args
    assert isinstance(x, Rows)
    bounds = [list(p.get_values()) for p in (op.starts, op.sizes, op.steps)]
    shape = shape_of(x.one)
    cut = [
        i for i, b in enumerate(zip(*bounds, strict=True)) if b != (0, shape[i], 1) or not shape[i]
    ]
    keeps_time(op, x, *cut)
    x = _apart(x, cut, emit)
    for part, whole in zip(bounds, (0, x.size, 1), strict=True):
        part[x.axis : x.axis + x.grown] = [whole]
    return made(op, emit(nn.SliceOp(x.value, *bounds)), x.axis, x.grown, x.time)


def dynamic_slice(op: nn.DynamicSliceOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """A part that starts at the same place in each sequence."""
    x, start = args
    if isinstance(start, Rows):
        raise refuse(op, "each sequence would be cut at a place of its own")
    assert isinstance(x, Rows)
    axis = op.axis.value.data
    keeps_time(op, x, axis)
    x = _apart(x, [axis], emit)
    value = emit(nn.DynamicSliceOp(x.value, start, _shifted(x, axis), op.size.value.data))
    return made(op, value, x.axis, x.grown, x.time)


def concat(op: nn.ConcatOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """Parts side by side; shared ones are repeated."""
    axis = op.axis.value.data
    rows = [a for a in args if isinstance(a, Rows)]
    times = {r.time for r in rows} - {None}
    for r in rows:
        keeps_time(op, r, axis)
    if len(times) > 1:
        raise refuse(op, "it combines two axes of time")
    lead = _apart(rows[0], [axis], emit)
    parts = [
        a.put(emit, lead.axis, lead.grown)
        if isinstance(a, Rows)
        else spread(emit, a, lead.axis, lead.grown, lead.size)
        for a in args
    ]
    value = emit(nn.ConcatOp(parts, _shifted(lead, axis)))
    return made(op, value, lead.axis, lead.grown, times.pop() if times else None)


def pad(op: nn.PadOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """The same margins for each sequence."""
    (x,) = args
    assert isinstance(x, Rows)
    low, high = list(op.low.get_values()), list(op.high.get_values())
    axes = [i for i, n in enumerate(zip(low, high, strict=True)) if any(n)]
    keeps_time(op, x, *axes)
    x = _apart(x, axes, emit)
    for part in (low, high):
        part[x.axis : x.axis + x.grown] = [0]
    value = emit(nn.PadOp(x.value, low, high, op.value.value.data))
    return made(op, value, x.axis, x.grown, x.time)


def reduce(op: nn.ReduceOp | nn.ArgReduceOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """A reduction inside each sequence."""
    (x,) = args
    assert isinstance(x, Rows)
    axes = list(op.axes.get_values()) if isinstance(op, nn.ReduceOp) else [op.axis.value.data]
    keeps_time(op, x, *axes)
    x = _apart(x, axes, emit)
    keep = op.keepdims is not None
    own = [_shifted(x, a) for a in axes]
    if isinstance(op, nn.ReduceOp):
        value = emit(nn.ReduceOp(op.kind.data, x.value, own, keep))
    else:
        last = op.select_last is not None
        value = emit(nn.ArgReduceOp(op.kind.data, x.value, own[0], keep, last))

    def kept(axis: int) -> int:
        return axis if keep else axis - sum(a < axis for a in axes)

    time = None if x.time is None else kept(x.time)
    return made(op, value, kept(x.axis), x.grown, time)


def softmax(op: nn.SoftmaxOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """A softmax inside each sequence."""
    (x,) = args
    assert isinstance(x, Rows)
    axis = op.axis.value.data
    keeps_time(op, x, axis)
    x = _apart(x, [axis], emit)
    value = emit(nn.SoftmaxOp(x.value, _shifted(x, axis), op.log is not None))
    return made(op, value, x.axis, x.grown, x.time)


def gather(op: nn.GatherOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """A shared table with indices of each sequence, or the same indices into each."""
    data, indices = args
    axis = op.axis.value.data
    if isinstance(indices, Rows):
        if isinstance(data, Rows):
            raise refuse(op, "each sequence would index a table of its own")
        value = emit(nn.GatherOp(data, indices.value, axis))
        time = None if indices.time is None else indices.time + axis
        return made(op, value, indices.axis + axis, indices.grown, time)
    assert isinstance(data, Rows)
    keeps_time(op, data, axis)
    data = _apart(data, [axis], emit)
    extra = len(shape_of(indices)) - 1
    value = emit(nn.GatherOp(data.value, indices, _shifted(data, axis)))
    place = data.axis + extra if data.axis > axis else data.axis
    time = data.time
    if time is not None and time > axis:
        time += extra
    return made(op, value, place, data.grown, time)


def reverse_sequence(op: nn.ReverseSequenceOp, args: Sequence[Value], emit: Emitter) -> Rows:
    """The model's one batch row becomes a row for each sequence."""
    x, lens = args
    time, batch = op.time_axis.value.data, op.batch_axis.value.data
    if shape_of(op.result)[batch] != 1:
        raise refuse(op, "the model's own batch is not 1")
    if isinstance(x, Rows):
        if not isinstance(lens, Rows):
            keeps_time(op, x, time)
        whole, size = x.put(emit, batch, True), x.size
    else:
        assert isinstance(lens, Rows)
        whole, size = spread(emit, x, batch, True, lens.size), lens.size
    held = lens.put(emit, 0, True) if isinstance(lens, Rows) else spread(emit, lens, 0, True, size)
    value = emit(nn.ReverseSequenceOp(whole, held, time, batch))
    return made(op, value, batch, True, x.time if isinstance(x, Rows) else None)
