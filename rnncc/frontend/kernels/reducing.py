"""Reductions on NumPy arrays, in the newest form: the axes are the second input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray


def _reduce(function: Callable[..., Any]):
    def run(inputs: Sequence[Array | None], attributes: Mapping[str, Any]) -> Array | None:
        x, axes = (*inputs, None)[:2]
        assert x is not None
        chosen = () if axes is None else tuple(int(a) for a in axes.reshape(-1))
        if not chosen:
            if attributes.get("noop_with_empty_axes"):
                # What of the operator remains on single elements differs: not folded.
                return None
            chosen = tuple(range(x.ndim))
        # An empty reduction has a result ONNX fixes apart: not folded.
        if any(x.shape[a] == 0 for a in chosen):
            return None
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(function(x, axis=chosen, keepdims=keep)).astype(x.dtype, copy=False)

    return run


def _arg(function: Callable[..., Any]):
    def run(inputs: Sequence[Array | None], attributes: Mapping[str, Any]) -> Array:
        x = inputs[0]
        assert x is not None
        axis = int(attributes.get("axis", 0))
        if attributes.get("select_last_index"):
            found = x.shape[axis] - 1 - function(np.flip(x, axis), axis=axis)
        else:
            found = function(x, axis=axis)
        if attributes.get("keepdims", 1):
            found = np.expand_dims(found, axis)
        return np.asarray(found).astype(np.int64)

    return run


def _cumsum(inputs: Sequence[Array | None], attributes: Mapping[str, Any]) -> Array:
    x, axis = inputs
    assert x is not None and axis is not None
    along = int(axis.reshape(-1)[0])
    if attributes.get("reverse"):
        x = np.flip(x, along)
    total = np.cumsum(x, axis=along, dtype=x.dtype)
    if attributes.get("exclusive"):
        total = total - x
    if attributes.get("reverse"):
        total = np.flip(total, along)
    return total


REDUCING: dict[str, Callable[[Sequence[Array | None], Mapping[str, Any]], Array | None]] = {
    "ArgMax": _arg(np.argmax),
    "ArgMin": _arg(np.argmin),
    "CumSum": _cumsum,
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
}
