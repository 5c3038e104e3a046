"""Operators that pick elements by index, on NumPy arrays; views where possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnncc.frontend.kernels.operands import Array, Attributes, Inputs, first, ints


def slices(inputs: Inputs, shape: Sequence[int]) -> tuple[slice, ...]:
    """The NumPy slices that a Slice node (data, starts, ends, axes, steps) means."""
    starts, ends = ints(inputs[1]), ints(inputs[2])
    axes = inputs[3] if len(inputs) > 3 else None
    steps = inputs[4] if len(inputs) > 4 else None
    found = [slice(None)] * len(shape)
    for i, axis in enumerate(ints(axes) if axes is not None else range(len(starts))):
        step = ints(steps)[i] if steps is not None else 1
        size = shape[axis]
        # ONNX clamps; Python's slice does the same but for an end below -size going down.
        start, end = starts[i], ends[i]
        start = start + size if start < 0 else start
        end = end + size if end < 0 else end
        if step > 0:
            found[axis] = slice(min(max(start, 0), size), min(max(end, 0), size), step)
        else:
            low, high = min(max(start, 0), size - 1), min(max(end, -1), size - 1)
            found[axis] = slice(low, None if high < 0 else high, step)
    return tuple(found)


def _slice(inputs: Inputs, _: Attributes, __: int) -> Array:
    x = first(inputs)
    return x[slices(inputs, x.shape)]


def _gather(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    x, indices = first(inputs), inputs[1]
    assert indices is not None
    axis = attributes.get("axis", 0)
    # A single index is a view.
    if indices.ndim == 0:
        return x[(slice(None),) * (axis % x.ndim) + (int(indices),)]
    return np.take(x, indices, axis=axis)


def _gather_elements(inputs: Inputs, attributes: Attributes, _: int) -> Array:
    indices = inputs[1]
    assert indices is not None
    return np.take_along_axis(first(inputs), indices, attributes.get("axis", 0))


def _gather_nd(inputs: Inputs, attributes: Attributes, _: int) -> Array | None:
    indices = inputs[1]
    assert indices is not None
    if attributes.get("batch_dims"):
        return None
    return first(inputs)[tuple(np.moveaxis(indices, -1, 0))]


def _scatter_nd(inputs: Inputs, attributes: Attributes, _: int) -> Array | None:
    indices = inputs[1]
    assert indices is not None
    if attributes.get("reduction", "none") != "none":
        return None
    result = first(inputs).copy()
    result[tuple(np.moveaxis(indices, -1, 0))] = inputs[2]
    return result


INDEXING: dict[str, Callable[[Inputs, Attributes, int], Any]] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "Slice": _slice,
}
