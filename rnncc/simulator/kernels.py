"""What vector instructions compute, as functions ``f(sources..., destination)`` over NumPy views.

The arithmetic is the dialects' own (``rnncc.interpreter.kernels``), so that both levels mean the same. An
instruction reads all its sources before it writes: where a destination overlaps a source without being it, the
sources are copied first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnncc.interpreter import kernels

Kernel = Callable[..., object]

_REDUCE = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def shielded(kernel: Kernel) -> Kernel:
    """The kernel over copies of its sources, for destinations that overlap them."""
    if isinstance(kernel, np.ufunc):
        return kernel

    def run(*arguments: np.ndarray) -> None:
        *sources, out = arguments
        kernel(*(source.copy() for source in sources), out)

    return run


def unary(kind: str, dtype: np.dtype, alpha: float, beta: float) -> Kernel:
    """The function ``f(a, out)`` of a unary kind; alpha and beta as the instruction carries them."""
    return kernels.unary_kernel(kind, dtype, alpha, beta)


def binary(kind: str, dtype: np.dtype) -> Kernel:
    """The function ``f(a, b, out)`` of a binary kind on an element type."""
    function = kernels.binary_kernel(kind, dtype)
    if kind in ("max", "min"):
        # NumPy deprecates a positional `out` for these two only; elsewhere it saves a third of a microsecond.
        return lambda a, b, out: function(a, b, out=out)
    return function


def compare(kind: str) -> Kernel:
    """The function ``f(a, b, out)`` of a comparison."""
    return kernels.compare_kernel(kind)


def select(c: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """``out = a where c else b`` when ``out`` may overlap any of them."""
    np.copyto(out, np.where(c, a, b))


def select_apart(c: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """``select`` when ``out`` overlaps neither ``c`` nor ``a``."""
    np.copyto(out, b)
    np.copyto(out, a, where=c)


def move(a: np.ndarray, out: np.ndarray) -> None:
    """``out = a``, of the same type."""
    np.copyto(out, a)


def convert(a: np.ndarray, out: np.ndarray) -> None:
    """``out = a`` in out's type; to a boolean: not equal to zero."""
    np.copyto(out, a, casting="unsafe")


def reduce(kind: str, dtype: np.dtype) -> Kernel:
    """The function ``f(a, out)`` that reduces the last axis of ``a``; f16 and bf16 add in float32."""
    if dtype in kernels.NARROW or dtype.kind not in "fiu" or kind in ("max", "min"):
        return lambda a, out: kernels.reduce(kind, a, -1, out=out)
    reducer = _REDUCE[kind].reduce
    return lambda a, out: reducer(a, -1, dtype, out)


def empty_reduce(kind: str, dtype: np.dtype) -> Kernel:
    """The function ``f(out)`` that writes the result of reducing no element."""
    value = kernels.reduce(kind, np.empty(0, dtype), 0)
    return lambda out: out.fill(value)


def arg(op: str, kind: str) -> Kernel:
    """The function ``f(a, out)`` of argmax and argmin over the last axis; ``kind`` is first or last."""
    return lambda a, out: np.copyto(out, kernels.argreduce(op, a, a.ndim - 1, kind == "last"))
