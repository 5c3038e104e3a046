"""ONNX Slice as nn operations, and what can be said of indices."""

from __future__ import annotations

from xdsl.dialects.builtin import i64
from xdsl.ir import BlockArgument, OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import is_integer, shape_of, type_of, ui8
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


def not_negative(value: SSAValue) -> bool:
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


def last_element(n: Node, x: SSAValue, axis: int) -> SSAValue:
    """The actual last element of a run-time dimension, the axis kept."""
    return n.emit(nn.DynamicSliceOp(x, n.last_index(x, axis), axis, 1))


def _one_slice(n: Node, x: SSAValue, axis: int, bounds: tuple[int, int, int]) -> SSAValue:
    """``x[start:end:step]`` along one axis, with ONNX's clamping."""
    size, symbol = dims_of(x)[axis]
    start, end, step = bounds
    if symbol:
        if step == 1 and start == 0 and end >= size:
            return x
        if step == -1 and end < -size and (start == -1 or start >= size - 1):
            return n.slice_axis(x, axis, size - 1, size, -1)
        if start == -1 and (end >= size if step > 0 else end == -2):
            return last_element(n, x, axis)
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
    if not not_negative(start):
        n.refuse("the start of a slice may be negative at run time")
    return n.emit(nn.DynamicSliceOp(x, _scalar(n, start), axis, high - low))


TABLE: dict[str, Converter] = {
    "Slice": _slice,
}
