"""NumPy kernels of two operands, and conversion; see rnncc.interpreter.kernels."""

from __future__ import annotations

from math import isnan

import numpy as np

from rnncc.errors import UnsupportedError
from rnncc.interpreter._unary import Kernel, Out


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


_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def read_element(array: np.ndarray) -> int:
    """The one element of an array as a scalar register holds it (npu.read, s.read).

    Truncated toward zero; what 64 bits cannot hold, infinities included, is the nearest limit; not a number is 0.
    """
    value = array.item()
    if isinstance(value, float):
        if isnan(value):
            return 0
        # int() refuses infinities; any number beyond the limits does for the rest.
        value = int(max(min(value, 9.3e18), -9.3e18))
    return max(min(int(value), _MOST), _LEAST)
