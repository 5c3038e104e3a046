"""Operators that move elements without computing with them, on NumPy arrays; views where possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnncc.frontend.kernels.indexing import INDEXING
from rnncc.frontend.kernels.operands import Array, Attributes, Inputs, first, ints, scalar


def shape_kernel(shape: Sequence[int], attributes: Attributes) -> Array:
    """The output of Shape for a tensor of a known shape."""
    start, end = attributes.get("start", 0), attributes.get("end")
    return np.array(tuple(shape)[start:end], np.int64)


def _reshape(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    x = first(inputs)
    target = ints(inputs[1])
    if not attributes.get("allowzero"):
        target = [x.shape[i] if n == 0 else n for i, n in enumerate(target)]
    return x.reshape(target)


def _squeeze(inputs: Inputs, _: Attributes, __: int) -> Array:
    x = first(inputs)
    axes = inputs[1] if len(inputs) > 1 else None
    return np.squeeze(x) if axes is None else np.squeeze(x, tuple(ints(axes)))


def _unsqueeze(inputs: Inputs, _: Attributes, __: int) -> Array:
    return np.expand_dims(first(inputs), tuple(ints(inputs[1])))


def _flatten(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    x = first(inputs)
    axis = attributes.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _concat(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    arrays = [a for a in inputs if a is not None]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, attributes["axis"])


def _split(inputs: Inputs, attributes: Attributes, outputs: int) -> list[Array]:
    x = first(inputs)
    axis = attributes.get("axis", 0)
    sizes = inputs[1] if len(inputs) > 1 else None
    if sizes is None:
        step = -(-x.shape[axis] // outputs)
        cuts = [min(step * i, x.shape[axis]) for i in range(1, outputs)]
    else:
        cuts = list(np.cumsum(ints(sizes))[:-1])
    return np.split(x, cuts, axis)


def _expand(inputs: Inputs, _: Attributes, __: int) -> Array:
    x = first(inputs)
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(ints(inputs[1]))))


def _constant_of_shape(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    value = attributes.get("value")
    value = np.zeros(1, np.float32) if value is None else value
    return np.broadcast_to(value.reshape(()), ints(inputs[0]))


def _range(inputs: Inputs, _: Attributes, __: int) -> Array:
    start, limit, delta = (scalar(a) for a in inputs)
    count = max(0, math.ceil((limit - start) / delta))
    dtype = first(inputs).dtype
    return (np.arange(count).astype(dtype) * delta + start).astype(dtype)


def _pad(inputs: Inputs, attributes: Attributes, _: int) -> Array | None:
    x = first(inputs)
    pads = ints(inputs[1])
    value = inputs[2] if len(inputs) > 2 else None
    axes = inputs[3] if len(inputs) > 3 else None
    if attributes.get("mode", "constant") != "constant" or axes is not None or min(pads) < 0:
        return None
    fill = 0 if value is None else scalar(value)
    return np.pad(x, list(zip(pads[: x.ndim], pads[x.ndim :], strict=True)), constant_values=fill)


def _trilu(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    k = inputs[1] if len(inputs) > 1 else None
    cut = np.triu if attributes.get("upper", 1) else np.tril
    return cut(first(inputs), 0 if k is None else int(scalar(k)))


def _transpose(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    return first(inputs).transpose(attributes.get("perm"))


def _one_hot(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    indices, depth, values = inputs
    assert indices is not None and values is not None
    size = int(scalar(depth))
    wrapped = np.where(indices < 0, indices + size, indices)
    axis = attributes.get("axis", -1)
    axis += indices.ndim + 1 if axis < 0 else 0
    places = np.arange(size).reshape([-1 if i == axis else 1 for i in range(indices.ndim + 1)])
    hot = np.expand_dims(wrapped, axis) == places
    return np.where(hot, values[1], values[0])


def predicted_elements(op_type: str, inputs: Inputs, attributes: Attributes) -> int:
    """How many elements the outputs will have, at most; exact for operators that can grow."""
    sizes = [0 if a is None else a.size for a in inputs]
    x = inputs[0] if inputs else None
    if op_type == "Range":
        start, limit, delta = (scalar(a) for a in inputs)
        return max(0, math.ceil((limit - start) / delta)) if delta else 1 << 62
    if op_type == "ConstantOfShape":
        return math.prod(ints(inputs[0]))
    if op_type == "Expand" and x is not None:
        return math.prod(max(n, 1) for n in ints(inputs[1])) * max(x.size, 1)
    if op_type == "Tile":
        return sizes[0] * math.prod(ints(inputs[1]))
    if op_type == "OneHot":
        return sizes[0] * int(scalar(inputs[1]))
    if op_type == "Pad" and x is not None:
        return math.prod(n + sum(map(abs, ints(inputs[1]))) for n in x.shape)
    if op_type == "Gather" and x is not None:
        return sizes[1] * (x.size // max(x.shape[attributes.get("axis", 0)], 1))
    if op_type == "GatherND":
        return sizes[0] * sizes[1]
    return sum(sizes)


SHAPING: dict[str, Callable[[Inputs, Attributes, int], Any]] = {
    **INDEXING,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Flatten": _flatten,
    "Identity": lambda i, _, __: i[0],
    "NonZero": lambda i, _, __: np.array(np.nonzero(np.atleast_1d(first(i))), np.int64),
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": lambda i, a, _: shape_kernel(first(i).shape, a),
    "Size": lambda i, _, __: np.array(first(i).size, np.int64),
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": lambda i, _, __: np.tile(first(i), ints(i[1])),
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
