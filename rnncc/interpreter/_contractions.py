"""NumPy kernels that contract dimensions; see rnncc.interpreter.kernels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from rnncc.errors import UnsupportedError
from rnncc.interpreter._unary import NARROW, Out

_REDUCE: dict[str, np.ufunc] = {
    "sum": np.add,
    "mean": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}


def _deliver(result: np.ndarray, dtype: np.dtype, out: Out) -> np.ndarray:
    if out is None:
        return np.asarray(result).astype(dtype, copy=False)
    np.copyto(out, result, casting="unsafe")
    return out


def reduce(
    kind: str, x: np.ndarray, axes: Sequence[int] | int, keepdims: bool = False, out: Out = None
) -> np.ndarray:
    """``kind over axes of x``; the kinds are those of nn.reduce.

    The mean of whole numbers truncates toward zero. The largest and least of nothing are the
    type's lowest and highest value.
    """
    if kind not in _REDUCE:
        raise UnsupportedError(f"no reduce kind '{kind}'")
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    axes = tuple(axis % x.ndim for axis in axes)
    if all(x.shape[axis] == 1 for axis in axes):
        # NumPy would add 0 to the one element, which turns -0.0 into 0.0.
        kept = [n for i, n in enumerate(x.shape) if keepdims or i not in axes]
        return _deliver(x.reshape(kept).copy(), x.dtype, out)
    ufunc = _REDUCE[kind]
    if kind in ("max", "min"):
        if x.size == 0:
            extreme = _extreme(kind, x.dtype)
            return np.asarray(ufunc.reduce(x, axes, out=out, keepdims=keepdims, initial=extreme))
        return np.asarray(ufunc.reduce(x, axes, out=out, keepdims=keepdims))
    wide = np.dtype(np.float32) if x.dtype in NARROW else x.dtype
    if kind != "mean":
        if wide == x.dtype:
            return np.asarray(ufunc.reduce(x, axes, wide, out, keepdims=keepdims))
        return _deliver(ufunc.reduce(x, axes, wide, keepdims=keepdims), x.dtype, out)
    total = ufunc.reduce(x, axes, wide, keepdims=keepdims)
    count = prod(x.shape[axis] for axis in axes)
    if wide.kind in "iu":
        return _deliver(np.trunc(np.divide(total, count)), x.dtype, out)
    return _deliver(np.divide(total, wide.type(count)), x.dtype, out)


def _extreme(kind: str, dtype: np.dtype):
    if dtype == np.bool_:
        return kind == "min"
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min if kind == "max" else limits.max
    return dtype.type(-np.inf if kind == "max" else np.inf)


def argreduce(
    kind: str,
    x: np.ndarray,
    axis: int,
    select_last: bool = False,
    keepdims: bool = False,
    out: Out = None,
) -> np.ndarray:
    """The index (int64) along `axis` of the largest (argmax) or least x, the first or the last."""
    if kind not in ("argmax", "argmin"):
        raise UnsupportedError(f"no arg-reduce kind '{kind}'")
    find = np.argmax if kind == "argmax" else np.argmin
    if not select_last:
        return np.asarray(find(x, axis, out, keepdims=keepdims))
    backward = find(np.flip(x, axis), axis, keepdims=keepdims)
    return np.asarray(np.subtract(x.shape[axis] - 1, backward, out))


def matmul(a: np.ndarray, b: np.ndarray, transpose_b: bool = False, out: Out = None) -> np.ndarray:
    """``a @ b`` over the last two dimensions (``transpose_b``: b is [..., n, k])."""
    if transpose_b:
        b = np.swapaxes(b, -1, -2)
    if a.dtype not in NARROW:
        return np.asarray(np.matmul(a, b, out=out))
    wide = np.matmul(a.astype(np.float32), b.astype(np.float32))
    return _deliver(wide, a.dtype, out)


def softmax(x: np.ndarray, axis: int, log: bool = False, out: Out = None) -> np.ndarray:
    """The softmax of x along `axis`, or its logarithm; shifted by the largest element first."""
    wide = x.astype(np.float32) if x.dtype in NARROW else x
    if wide.size == 0:
        return _deliver(wide, x.dtype, out)
    shifted = wide - np.maximum.reduce(wide, axis, keepdims=True)
    powers = np.exp(shifted)
    total = np.add.reduce(powers, axis, keepdims=True)
    result = np.subtract(shifted, np.log(total)) if log else np.divide(powers, total)
    return _deliver(result, x.dtype, out)
