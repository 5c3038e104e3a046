"""The size of a Slice whose start is known only at run time, where it provably never changes.

``x[i : i + k]`` has k elements when i never leaves the tensor. Loops that index by their iteration
number are written so (TorchScript, the ONNX suite); ONNX's own inference gives up on them.
"""

from __future__ import annotations

import numpy as np

from rnncc.frontend.graph import Node, Shape, Value

#: Operators that keep the number in a tensor of one element.
_KEEP = ("Unsqueeze", "Squeeze", "Reshape", "Cast", "Flatten", "Expand")


def _number(value: Value | None) -> int | None:
    """A constant whole number."""
    if value is None or value.array is None or value.array.size != 1:
        return None
    if not np.issubdtype(value.array.dtype, np.integer):
        return None
    return int(value.array.reshape(-1)[0])


def affine(value: Value) -> tuple[Value, int]:
    """A value as another one plus a constant: (the other, the constant)."""
    offset = 0
    while value.node is not None and value.known_shape in ((), (1,)):
        node = value.node
        first = node.inputs[0]
        if first is None or len(first.shape or ()) > 1:
            break
        if node.op_type in _KEEP or (node.op_type == "Concat" and len(node.inputs) == 1):
            if not _whole(value) or not _whole(first):
                break
            value = first
            continue
        if node.op_type not in ("Add", "Sub"):
            break
        second = node.inputs[1]
        right, left = _number(second), _number(first)
        if right is not None:
            value, offset = first, offset + (right if node.op_type == "Add" else -right)
        elif left is not None and node.op_type == "Add" and second is not None:
            value, offset = second, offset + left
        else:
            break
    return value, offset


def _whole(value: Value) -> bool:
    from onnx import TensorProto

    return value.element in (TensorProto.INT64, TensorProto.INT32)


def slice_shape(node: Node, found: Shape, limits: dict[tuple, int]) -> Shape:
    """The shape of a Slice, completed where its starts are iteration numbers.

    Args:
        node: a Slice with data, starts, ends and perhaps axes and steps.
        found: the shape that ONNX's inference gives.
        limits: key of a value -> it is at least 0 and less than this.
    """
    data, starts, ends, axes, steps = (*node.inputs, None, None)[:5]
    if data is None or starts is None or ends is None or data.known_shape is None:
        return found
    if starts.known_shape != (1,) or ends.known_shape != (1,):
        return found
    axis = 0 if axes is None else _number(axes)
    if axis is None or (steps is not None and _number(steps) != 1):
        return found
    (root, first), (other, last) = affine(starts), affine(ends)
    limit = limits.get(root.key)
    if root.key != other.key or limit is None:
        return found
    shape = list(data.known_shape)
    inside = first >= 0 and last >= first and limit - 1 + last <= shape[axis]
    if not inside:
        return found
    shape[axis] = last - first
    return tuple(shape)
