"""nn operations that move data: most are only another view of the same buffer."""

from __future__ import annotations

from dataclasses import replace

from xdsl.ir import SSAValue

from rnncc.dialects import nn, npu
from rnncc.dialects._types import numpy_dtype, type_of
from rnncc.passes._lower.attributes import memory_of_value
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.liveness import loaded_by
from rnncc.passes._lower.lowering import Lowering, no_reshape
from rnncc.passes._lower.ref import Index, Ref, same_window
from rnncc.passes._lower.storage import readers


def constant(low: Lowering, op: nn.ConstantOp) -> None:
    """A constant stays off chip until something needs it elsewhere."""
    low.put(op.result, low.constant(op.value, low.label(op.result)))


def settle(low: Lowering, value: SSAValue, view: Ref) -> None:
    """Take a view as the result, unless its reader already reserved a place for it."""
    if value in low.targets:
        target = low.place(value)
        if not same_window(target, view):
            low.copy(target, view)
        return
    low.put(value, view)


def reshape(low: Lowering, op: nn.ReshapeOp) -> None:
    """Another view; where gaps forbid it, of a copy."""
    source, dims = low.get(op.x), low.dims(op.result)
    view = source.reshape(dims)
    if view is None:
        memory = source.memory
        packed = low.alloc(source.dims, source.element, memory, low.label(op.result))
        view = packed.reshape(dims)
        if view is None:
            raise no_reshape(source, "a reshape")
        low.copy(packed, source)
    settle(low, op.result, view)


def transpose(low: Lowering, op: nn.TransposeOp) -> None:
    """Strides in another order."""
    settle(low, op.result, low.get(op.x).transpose(op.perm.get_values()))


def slice_(low: Lowering, op: nn.SliceOp) -> None:
    """A moved window; a run-time dimension is taken whole, reversed, or its first element."""
    view = low.get(op.x)
    dims = low.dims(op.result)
    bounds = zip(op.starts.get_values(), op.sizes.get_values(), op.steps.get_values(), strict=True)
    for axis, (start, size, step) in enumerate(bounds):
        whole = view.dims[axis]
        if whole.reg is not None and step < 0 and size > 1:
            last = low.scalar("max", low.scalar("sub", low.extent(whole), 1), 0)
            view = view.moved(last, view.strides[axis]).slice(axis, 0, size, step)
        else:
            view = view.slice(axis, start, size, step)
    settle(low, op.result, replace(view, dims=dims))


def dynamic_slice(low: Lowering, op: nn.DynamicSliceOp) -> None:
    """A window that a register moves."""
    view = low.get(op.x)
    axis = op.axis.value.data
    start = low.read(op.start)
    if _stays(op) and low.level_of(start) > low.depth_of(view):
        # A table that a loop picks from is brought on chip once.
        view = low.load(view)
    moved = view.window(axis, start, 1, Dim(op.size.value.data))
    moved = replace(moved, level=max(view.level, low.level_of(start)))
    settle(low, op.result, moved)


def _stays(op: nn.DynamicSliceOp) -> bool:
    """Whether a constant is to be in vector memory, for those who compute with its slices."""
    table = op.x.owner
    if not isinstance(table, nn.ConstantOp) or memory_of_value(op.x) != "vmem":
        return False
    return any(loaded_by(reader, op.x) for reader in readers(op.result))


def dynamic_update(low: Lowering, op: nn.DynamicUpdateOp) -> None:
    """The part is copied to where a register says; the rest only when it lies elsewhere."""
    source, part = low.get(op.x), low.get(op.part)
    start = low.read(op.start)
    target = low.place(op.result)
    if not same_window(target, source):
        low.copy(target, source)
    axis = op.axis.value.data
    low.copy(replace(target.window(axis, start, 1, part.dims[axis]), dims=part.dims), part)


def broadcast(low: Lowering, op: nn.BroadcastOp) -> None:
    """Strides of zero."""
    settle(low, op.result, low.get(op.x).broadcast(low.dims(op.result)))


def concat(low: Lowering, op: nn.ConcatOp) -> None:
    """Parts that were not written in place already are copied."""
    target = low.place(op.result)
    axis = op.axis.value.data
    start = 0
    for part in op.parts:
        source = low.get(part)
        size = source.dims[axis]
        window = replace(target.slice(axis, start, size.size), dims=source.dims)
        start += size.size
        if not same_window(window, source):
            low.copy(window, source)


def pad(low: Lowering, op: nn.PadOp) -> None:
    """The whole is filled, then the middle copied."""
    target, source = low.place(op.result), low.get(op.x)
    value = op.value.value.data
    if numpy_dtype(target.element).kind in "biu":
        value = int(value)
    low.fill(target, value)
    middle = target
    for axis, (before, dim) in enumerate(zip(op.low.get_values(), source.dims, strict=True)):
        middle = replace(middle.slice(axis, before, dim.size), dims=middle.dims)
    low.copy(replace(middle, dims=source.dims), source)


def iota(low: Lowering, op: nn.IotaOp) -> None:
    """Numbers along one axis; the others repeat them."""
    axis = op.axis.value.data
    line = low.counting(low.dims(op.result)[axis].size, type_of(op.result).get_element_type())
    dims = low.dims(op.result)
    view = replace(line, dims=(dims[axis],))
    for _ in dims[axis + 1 :]:
        view = view.insert(len(view.dims))
    settle(low, op.result, view.broadcast(dims))


def reverse_sequence(low: Lowering, op: nn.ReverseSequenceOp) -> None:
    """For each row: its first ``lens`` steps backwards, the rest as it is."""
    target, source, lens = low.place(op.result), low.get(op.x), low.get(op.lens)
    time, batch = op.time_axis.value.data, op.batch_axis.value.data
    shifted = time - (batch < time)
    whole = low.extent(source.dims[time])
    size = source.dims[time].size

    def row(i: Index) -> None:
        dst, src = target.at(batch, i), source.at(batch, i)
        count = low.register(npu.ReadOp(low.view(lens.at(0, i))))
        last = low.scalar("max", low.scalar("sub", count, 1), 0)
        rest = low.scalar("max", low.scalar("sub", whole, count), 0)
        assert not isinstance(rest, int)
        step = src.strides[shifted]
        head = Dim(size, count)
        backward = src.moved(last, step).slice(shifted, 0, size, -1)
        low.copy(dst.window(shifted, 0, 1, head), backward.window(shifted, 0, 1, head))
        tail = Dim(size, rest)
        low.copy(dst.window(shifted, count, 1, tail), src.window(shifted, count, 1, tail))

    if not target.empty:
        low.turns(source.dims[batch], row)


HANDLERS = {
    nn.ConstantOp: constant,
    nn.ReshapeOp: reshape,
    nn.TransposeOp: transpose,
    nn.SliceOp: slice_,
    nn.DynamicSliceOp: dynamic_slice,
    nn.DynamicUpdateOp: dynamic_update,
    nn.BroadcastOp: broadcast,
    nn.ConcatOp: concat,
    nn.PadOp: pad,
    nn.IotaOp: iota,
    nn.ReverseSequenceOp: reverse_sequence,
}
