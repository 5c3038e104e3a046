"""ONNX operators that pick elements by position, as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import BlockArgument, OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import is_integer, numpy_dtype, shape_of, type_of, ui8
from rnncc.passes._onnx_node import Converter, Node, constant_value, dims_of

_SAME_NUMBER = frozenset({"Identity", "Unsqueeze", "Squeeze", "Reshape", "Flatten", "Cast"})


def _traced(value: SSAValue) -> tuple[SSAValue, int]:
    """A one-element whole number as (origin, constant added to it), through reshapes and casts."""
    offset = 0
    while isinstance(value, OpResult):
        op = value.op
        kind = op.name.removeprefix("onnx.").removeprefix("nn.")
        if kind.capitalize() in _SAME_NUMBER and is_integer(
            type_of(op.operands[0]).get_element_type()
        ):
            value = op.operands[0]
            continue
        if kind not in ("Add", "Sub"):
            break
        left, right = op.operands
        if constant_value(left) is not None and kind == "Add":
            left, right = right, left
        added = constant_value(right)
        if added is None or added.size != 1:
            break
        offset += int(added.item()) * (1 if kind == "Add" else -1)
        value = left
    return value, offset


def _not_negative(value: SSAValue) -> bool:
    """Whether a whole number is provably >= 0: a step index, an arg-max, an unsigned number."""
    if type_of(value).get_element_type() == ui8:
        return True
    known = constant_value(value)
    if known is not None:
        return bool(known.min(initial=0) >= 0)
    origin, offset = _traced(value)
    if offset < 0:
        return False
    if isinstance(origin, BlockArgument):
        parent = origin.block.parent_op()
        return parent is not None and parent.name == "rnn.scan" and origin.index == 0
    names = ("onnx.ArgMax", "onnx.ArgMin", "nn.arg_reduce", "nn.iota", "onnx.Shape", "onnx.Size")
    return isinstance(origin, OpResult) and origin.op.name in names


def _scalar(n: Node, value: SSAValue) -> SSAValue:
    return n.cast(n.reshape(value, []), i64)


def _from_end(n: Node, x: SSAValue, axis: int, position: int) -> SSAValue:
    """The one element at `position` (negative) of a run-time dimension, the axis kept."""
    _, symbol = dims_of(x)[axis]
    if position != -1:
        n.refuse_dynamic(f"takes element {position} of the run-time length '{symbol}'")
    start = n.binary("add", n.length(x, axis), -1)
    return n.emit(nn.DynamicSliceOp(x, start, axis, 1))


def _one_slice(n: Node, x: SSAValue, axis: int, bounds: tuple[int, int, int]) -> SSAValue:
    """``x[start:end:step]`` along one axis, with ONNX's clamping."""
    size, symbol = dims_of(x)[axis]
    start, end, step = bounds
    if symbol:
        if step == 1 and start == 0 and end >= size:
            return x
        if step == -1 and end < -size and (start == -1 or start >= size - 1):
            return n.slice_axis(x, axis, size - 1, size, -1)
        if start == -1 and (end >= size if step > 0 else end in (-2, -size - 1)):
            return _from_end(n, x, axis, -1)
        if step == 1 and start == 0 and end == 1:
            return n.slice_axis(x, axis, 0, 1)
        text = f"{start}:{end}:{step}"
        n.refuse_dynamic(f"the slice {text} of the run-time length '{symbol}'")
    if step < 0 and start < -size:
        start = 0  # ONNX clamps to the first element; Python would go past it
    positions = range(size)[slice(start, end, step)]
    if positions == range(size):
        return x
    return n.slice_axis(x, axis, positions.start if positions else 0, len(positions), step)


def _slice(n: Node) -> SSAValue:
    x = n.need(0)
    rank = len(shape_of(x))
    if n.version >= 10 and constant_value(n.need(1)) is None:
        return _moving_slice(n, x)
    starts, ends = n.integers("starts", 1), n.integers("ends", 2)
    assert starts is not None and ends is not None
    axes = n.integers("axes", 3) or list(range(len(starts)))
    steps = n.integers("steps", 4) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0:
            n.refuse("a slice with step 0")
        x = _one_slice(n, x, n.axis(axis, rank), (start, end, step))
    return x


def _moving_slice(n: Node, x: SSAValue) -> SSAValue:
    """``x[i : i+c]`` with one start i known only at run time."""
    start, end, axes, steps = n.need(1), n.need(2), n.constant(3), n.constant(4)
    if shape_of(start) != (1,) or (steps is not None and steps.item() != 1):
        n.refuse("a slice with run-time bounds must have one start and step 1")
    axis = n.axis(0 if axes is None else int(axes.item()), len(shape_of(x)))
    (origin, low), (other, high) = _traced(start), _traced(end)
    if origin is not other or high < low:
        n.refuse("the size of a slice with run-time bounds is not constant")
    if not _not_negative(start):
        n.refuse("the start of a slice may be negative at run time")
    return n.emit(nn.DynamicSliceOp(x, _scalar(n, start), axis, high - low))


def _gather(n: Node) -> SSAValue:
    data, indices = n.need(0), n.need(1)
    axis = n.axis(n.attrs["axis"], len(shape_of(data)))
    known = constant_value(indices)
    size, symbol = dims_of(data)[axis]
    if known is not None:
        if known.size == 1 and (not symbol or known.item() in (0, -1)):
            return _pick(n, data, axis, int(known.item()), known.ndim)
        if symbol:
            n.refuse_dynamic(f"fixed indices into the run-time length '{symbol}'")
        if known.size and not -size <= known.min() <= known.max() < size:
            n.refuse(f"an index is outside {-size}..{size - 1}")
        where = np.where(known < 0, known + size, known).astype(known.dtype)
        return n.emit(nn.GatherOp(data, n.array(where), axis))
    if not _not_negative(indices):
        elt = type_of(indices).get_element_type()
        length = n.cast(n.length(data, axis), elt)
        negative = n.compare("lt", indices, 0)
        indices = n.select(negative, n.binary("add", indices, length), indices)
    return n.emit(nn.GatherOp(data, indices, axis))


def _pick(n: Node, data: SSAValue, axis: int, index: int, rank: int) -> SSAValue:
    dims = dims_of(data)
    size, symbol = dims[axis]
    if symbol:
        one = n.slice_axis(data, axis, 0, 1) if index == 0 else _from_end(n, data, axis, -1)
    elif not -size <= index < size:
        n.refuse(f"index {index} is outside {-size}..{size - 1}")
    else:
        one = n.slice_axis(data, axis, index % size, 1)
    return n.reshape(one, [*dims[:axis], *[(1, "")] * rank, *dims[axis + 1 :]])


def _pad(n: Node) -> SSAValue:
    x = n.need(0)
    rank = len(shape_of(x))
    amounts, axes = n.integers("pads", 1), n.constant(3) if n.version >= 18 else None
    assert amounts is not None
    chosen = range(rank) if axes is None else [n.axis(int(a), rank) for a in axes.reshape(-1)]
    low, high = [0] * rank, [0] * rank
    for i, axis in enumerate(chosen):
        low[axis], high[axis] = amounts[i], amounts[i + len(amounts) // 2]
    for axis in range(rank):
        size = shape_of(x)[axis]
        cut = max(-low[axis], 0), max(-high[axis], 0)
        if any(cut):
            x = n.slice_axis(x, axis, cut[0], max(size - sum(cut), 0))
    low, high = [max(v, 0) for v in low], [max(v, 0) for v in high]
    mode = n.attrs.get("mode", "constant")
    if mode == "constant":
        return n.emit(nn.PadOp(x, low, high, _pad_value(n, x)))
    for axis in range(rank):
        if low[axis] or high[axis]:
            size, symbol = dims_of(x)[axis]
            if symbol:
                n.refuse_dynamic(f"pads the run-time length '{symbol}'")
            where = np.pad(np.arange(size), (low[axis], high[axis]), mode)
            x = n.emit(nn.GatherOp(x, n.array(where), axis))
    return x


def _pad_value(n: Node, x: SSAValue) -> float:
    elt = type_of(x).get_element_type()
    if n.version < 11:
        return n.attrs.get("value", 0.0)
    given = n.constant(2)
    value = 0 if given is None or not given.size else given.reshape(-1)[0].item()
    if isinstance(value, int) and int(float(value)) != value:
        n.refuse(f"the padding value {value} of {numpy_dtype(elt)} is too large")
    return float(value)


def _reverse_sequence(n: Node) -> SSAValue:
    time, batch = n.attrs["time_axis"], n.attrs["batch_axis"]
    return n.emit(nn.ReverseSequenceOp(n.need(0), n.need(1), time, batch))


def _cumulative(n: Node) -> SSAValue:
    """The running sum by doubling distances: log2(size) shifted additions."""
    x = n.need(0)
    position = n.constant(1)
    assert position is not None
    axis = n.axis(int(position.item()), len(shape_of(x)))
    size, symbol = dims_of(x)[axis]
    if symbol:
        n.refuse_dynamic(f"sums along the run-time length '{symbol}'")

    def shifted(value: SSAValue, by: int) -> SSAValue:
        low, high = [0] * len(shape_of(x)), [0] * len(shape_of(x))
        (high if n.attrs["reverse"] else low)[axis] = by
        kept = n.slice_axis(value, axis, by if n.attrs["reverse"] else 0, size - by)
        return n.emit(nn.PadOp(kept, low, high, 0.0))

    if n.attrs["exclusive"] and size:
        x = shifted(x, 1)
    distance = 1
    while distance < size:
        x = n.binary("add", x, shifted(x, distance))
        distance *= 2
    return x


TABLE: dict[str, Converter] = {
    "Slice": _slice,
    "Gather": _gather,
    "Pad": _pad,
    "ReverseSequence": _reverse_sequence,
    "CumSum": _cumulative,
}
