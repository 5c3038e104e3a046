"""Matrix products of the simulator: one BLAS call an instruction.

A kernel is ``f(w, x, out)`` with w [n, k], x [k] or [m, k] and out [n] or [m, n]. What ``mm`` means, by type:

* float32, float64: BLAS in the type itself.
* float16, bfloat16: products and sums in float32, rounded once (the weights are widened when they are loaded).
* integers: sums in the destination's type, modulo its range.
* numerics ``machine``, of float32: as ``rnncc.simulator.numbers`` says.
"""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np

from rnncc.simulator.numbers import Numbers

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOAT32 = np.dtype(np.float32)
FEW_ROWS = 3
"""Up to so many vectors, one matrix-vector product each beats BLAS's matrix product."""
SOME_ROWS, LARGE = 24, 1 << 17
"""Up to so many vectors and from so many elements of the matrix, OpenBLAS is 1.1 to 1.9 times as fast the other way
around (out.T = w . x.T): it packs what it takes for the small operand, and that should not be the matrix."""

Product = Callable[[np.ndarray, np.ndarray, np.ndarray], object]


def round_bf16(values: np.ndarray) -> np.ndarray:
    """float32 values rounded to bfloat16, nearest even, as float32 of the same shape."""
    return values.astype(BFLOAT16).astype(FLOAT32)


def is_bf16(values: np.ndarray) -> bool:
    """True when rounding float32 values to bfloat16 would change none."""
    if values.strides[-1] != values.itemsize:
        values = np.ascontiguousarray(values)
    return not bool(np.bitwise_or.reduce(values.view(np.uint32), axis=None) & 0xFFFF)


def blas_ready(w: np.ndarray) -> bool:
    """True when BLAS can read a matrix [..., n, k] as it lies: one axis dense, the other at any larger pitch."""
    (n, k), (sn, sk), size = w.shape[-2:], w.strides[-2:], w.itemsize
    return (sk == size and sn >= k * size) or (sn == size and sk >= n * size) or n == 1 or k == 1


def _vector(w: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    # ndarray.dot has the least overhead but copies a matrix with gaps; the ufunc does not.
    if w.flags.forc:
        w.dot(x, out)
    else:
        np.matmul(w, x, out)


def _rows(w: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    rows = x.shape[0]
    if rows <= FEW_ROWS and out.strides[1] == out.itemsize:
        for row, result in zip(x, out, strict=True):
            _vector(w, row, result)
    elif rows <= SOME_ROWS and w.size >= LARGE:
        np.copyto(out, np.matmul(w, x.T).T)
    else:
        np.matmul(x, w.T, out)


def product(
    *,
    out_type: np.dtype,
    x_type: np.dtype,
    dense_out: bool,
    vector: bool,
    accumulate: bool,
    numbers: Numbers | None,
) -> Product:
    """The kernel of one ``mm`` or ``mma``.

    Args:
        out_type: container of the destination.
        x_type: container of x.
        dense_out: the destination's last axis is dense.
        vector: x and out have one axis (m = 1).
        accumulate: add to the destination.
        numbers: how float32 operands are rounded (w when it is loaded, x here); None: they are not.
    """
    run = _vector if vector else _rows
    if out_type == x_type and out_type in (FLOAT32, np.dtype(np.float64)):
        if numbers is not None and out_type == FLOAT32:
            run = _rounding(run, numbers)
        if dense_out and not accumulate:
            return run
        return _through_buffer(run, out_type, accumulate)
    return _converting(out_type, accumulate)


def _rounding(run: Product, numbers: Numbers) -> Product:
    """A product whose operands are in a machine's format; w is as ``Numbers.load`` left it."""
    if numbers.weights == "bf16":
        return lambda w, x, out: run(w, round_bf16(x), out)

    def kernel(w: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
        result = numbers.multiply(w, x if x.ndim == 2 else x[None])
        np.copyto(out, result if x.ndim == 2 else result[0])

    return kernel


def _through_buffer(run: Product, dtype: np.dtype, accumulate: bool) -> Product:
    """Compute apart, then add to or copy into the destination."""
    buffers: dict[tuple[int, ...], np.ndarray] = {}

    def kernel(w: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
        buffer = buffers.get(out.shape)
        if buffer is None:
            buffer = buffers[out.shape] = np.empty(out.shape, dtype)
        run(w, x, buffer)
        if accumulate:
            np.add(out, buffer, out)
        else:
            np.copyto(out, buffer)

    return kernel


def _converting(out_type: np.dtype, accumulate: bool) -> Product:
    """Types that BLAS lacks: narrow floats in float32, integers in the destination's type."""
    integer = out_type.kind in "iu"
    wide = out_type if integer or out_type.itemsize >= FLOAT32.itemsize else FLOAT32

    def kernel(w: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
        result = np.matmul(x.astype(wide), w.astype(wide, copy=False).T)
        if accumulate:
            result = result + out.astype(wide)
        np.copyto(out, result, casting="unsafe")

    return kernel


def widened(dtype: np.dtype) -> np.dtype:
    """The type that loaded weights of a container type are kept in."""
    return FLOAT32 if dtype in (np.dtype(np.float16), BFLOAT16) else dtype
