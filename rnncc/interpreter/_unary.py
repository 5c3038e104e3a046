"""NumPy kernels of one operand; see rnncc.interpreter.kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from rnncc.errors import UnsupportedError

Out = np.ndarray | None
Kernel = Callable[..., Any]


#: Types whose functions and sums are evaluated in f32 and rounded once.
NARROW = frozenset({np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)})
_SINGLE = np.dtype(np.float32)
# A 0-dimensional array costs a ufunc half a microsecond less than a Python number.
_ONE = {np.dtype(t): np.ones((), t) for t in (np.float32, np.float64)}


def _sigmoid(x, out, alpha, beta):
    np.negative(x, out)
    np.exp(out, out)
    np.add(out, _ONE[x.dtype], out)
    np.reciprocal(out, out)


def _affine(x, out, alpha, beta):
    np.multiply(x, alpha, out)
    np.add(out, beta, out)


def _leaky_relu(x, out, alpha, beta):
    np.copyto(out, np.where(x < 0, np.multiply(x, alpha), x))


def _thresholded_relu(x, out, alpha, beta):
    np.copyto(out, np.where(x > alpha, x, x.dtype.type(0)))


def _scaled_tanh(x, out, alpha, beta):
    np.multiply(x, beta, out)
    np.tanh(out, out)
    np.multiply(out, alpha, out)


def _hard_sigmoid(x, out, alpha, beta):
    _affine(x, out, alpha, beta)
    np.maximum(out, 0, out=out)
    np.minimum(out, 1, out=out)


def _elu(x, out, alpha, beta):
    below = np.minimum(x, 0)
    np.expm1(below, below)
    np.multiply(below, alpha, below)
    np.copyto(out, np.where(x < 0, below, x))


def _softsign(x, out, alpha, beta):
    np.divide(x, np.abs(x) + x.dtype.type(1), out)


def _softplus(x, out, alpha, beta):
    np.logaddexp(x, 0, out)


def _erf(x, out, alpha, beta):
    values = map(math.erf, x.ravel().tolist())
    np.copyto(out, np.fromiter(values, np.float64, x.size).reshape(x.shape), casting="same_kind")


def _not(x, out, alpha, beta):
    (np.logical_not if x.dtype == np.bool_ else np.invert)(x, out)


def _identity(x, out, alpha, beta):
    np.copyto(out, x)


#: One NumPy function each: exact or correctly rounded in any type, so never widened.
_DIRECT: dict[str, np.ufunc] = {
    "neg": np.negative,
    "abs": np.absolute,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sqrt": np.sqrt,
    "reciprocal": np.reciprocal,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
}


_COMPOSED: dict[str, Kernel] = {
    "sigmoid": _sigmoid,
    "affine": _affine,
    "leaky_relu": _leaky_relu,
    "thresholded_relu": _thresholded_relu,
    "scaled_tanh": _scaled_tanh,
    "hard_sigmoid": _hard_sigmoid,
    "elu": _elu,
    "softsign": _softsign,
    "softplus": _softplus,
    "erf": _erf,
    "not": _not,
    "identity": _identity,
}


#: alpha and beta that ONNX gives an activation when the model does not (f32 values).
DEFAULTS: dict[str, tuple[float, float]] = {
    "affine": (1.0, 0.0),
    "leaky_relu": (float(np.float32(0.01)), 0.0),
    "thresholded_relu": (1.0, 0.0),
    "scaled_tanh": (1.0, 1.0),
    "hard_sigmoid": (float(np.float32(0.2)), 0.5),
    "elu": (1.0, 0.0),
}


def unary_kernel(
    kind: str, dtype: np.dtype, alpha: float | None = None, beta: float | None = None
) -> Callable[[np.ndarray, np.ndarray], Any]:
    """The function ``f(x, out)`` of one unary kind on one element type, chosen once.

    Args:
        kind: a kind of nn.unary.
        dtype: the element type of x and out.
        alpha: first parameter, None for ONNX's default.
        beta: second parameter, None for ONNX's default.

    Raises:
        UnsupportedError: there is no such kind.
    """
    if kind == "relu":
        zero = np.zeros((), dtype)
        return lambda x, out: np.maximum(x, zero, out=out)
    if kind in _DIRECT:
        return _DIRECT[kind]
    if kind not in _COMPOSED:
        raise UnsupportedError(f"no unary kind '{kind}'")
    compose = _COMPOSED[kind]
    first, second = DEFAULTS.get(kind, (0.0, 0.0))
    narrow = np.dtype(dtype) in NARROW and kind != "identity"
    number = _SINGLE if narrow else np.dtype(dtype)
    a: Any = first if alpha is None else alpha
    b: Any = second if beta is None else beta
    if number.kind == "f":
        a, b = np.array(a, number), np.array(b, number)
    if not narrow:
        return lambda x, out: compose(x, out, a, b)

    def widened(x, out):
        wide = x.astype(_SINGLE)
        compose(wide, wide, a, b)
        np.copyto(out, wide, casting="same_kind")

    return widened


def unary(
    kind: str, x: np.ndarray, alpha: float | None = None, beta: float | None = None, out: Out = None
) -> np.ndarray:
    """``kind(x)``; the kinds are those of nn.unary."""
    if out is None:
        out = np.empty(x.shape, x.dtype)
    unary_kernel(kind, x.dtype, alpha, beta)(x, out)
    return out
