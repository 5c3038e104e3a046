"""NumPy kernels that work element by element; see rnncc.interpreter.kernels."""

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


def _divide(a, b, out=None):
    dtype = np.result_type(a, b)
    if dtype.kind not in "iu":
        return np.divide(a, b, out)
    # a - fmod(a, b) is a multiple of b, so that the floor is the quotient truncated toward zero.
    return np.floor_divide(a - np.fmod(a, b), b, out)


def _power(a, b, out=None):
    if np.result_type(a, b).kind != "i" or not np.any(b < 0):
        return np.power(a, b, out)
    # NumPy refuses negative whole exponents: bases 1 and -1 have a whole result, others give 0.
    odd = (b & 1).astype(bool)
    negative = np.where(a == 1, 1, np.where(a == -1, np.where(odd, -1, 1), 0))
    result = np.where(b < 0, negative, np.power(a, np.maximum(b, 0))).astype(a.dtype)
    if out is None:
        return result
    np.copyto(out, result)
    return out


_BINARY: dict[str, Kernel] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _divide,
    "min": np.minimum,
    "max": np.maximum,
    "pow": _power,
    "mod": np.mod,
    "fmod": np.fmod,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}

_COMPARE: dict[str, np.ufunc] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def binary_kernel(kind: str, dtype: np.dtype) -> Kernel:
    """The function ``f(a, b, out=...)`` of one binary kind on one element type, chosen once."""
    if kind not in _BINARY:
        raise UnsupportedError(f"no binary kind '{kind}'")
    if kind == "div" and np.dtype(dtype).kind not in "iu":
        return np.divide
    return _BINARY[kind]


def compare_kernel(kind: str) -> np.ufunc:
    """The function ``f(a, b, out=...)`` of one comparison, chosen once; out is boolean."""
    if kind not in _COMPARE:
        raise UnsupportedError(f"no compare kind '{kind}'")
    return _COMPARE[kind]


def binary(kind: str, a: np.ndarray, b: np.ndarray, out: Out = None) -> np.ndarray:
    """``a kind b`` with broadcasting; the kinds are those of nn.binary."""
    return np.asarray(binary_kernel(kind, a.dtype)(a, b, out=out))


def compare(kind: str, a: np.ndarray, b: np.ndarray, out: Out = None) -> np.ndarray:
    """``a kind b`` as booleans, with broadcasting; the kinds are those of nn.compare."""
    return np.asarray(compare_kernel(kind)(a, b, out=out))


def convert(x: np.ndarray, dtype: np.typing.DTypeLike, out: Out = None) -> np.ndarray:
    """x in another type: to whole numbers by truncation, to booleans by ``x != 0``."""
    if out is None:
        return x.astype(dtype)
    np.copyto(out, x, casting="unsafe")
    return out
