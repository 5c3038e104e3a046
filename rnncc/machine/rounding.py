"""Rounding of float32 values to a machine's number formats.

bf16 and fp16 go to the nearest, ties to even. In block floating point a block shares the exponent of its largest
magnitude, and each element is a sign and a few bits of it. Integers are symmetric with one scale a row, by its largest
magnitude.

Source of block floating point: Fowers et al., ISCA 2018 (1 sign, 2 to 5 bits, a 5-bit exponent for a native vector).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ml_dtypes
import numpy as np

from rnncc.errors import UnsupportedError

Rounder = Callable[[np.ndarray], np.ndarray]
"""float32 values [..., k] to float32 values of the same shape that the format can hold."""

INTEGER_BITS = {"int8": 8, "int16": 16}
MANTISSA = {"bfp-1s5e2m": 2, "bfp-1s5e3m": 3, "bfp-1s5e4m": 4, "bfp-1s5e5m": 5}
LEAST, GREATEST = -15, 16
"""Range of a shared exponent of 5 bits, bias 15: smaller blocks lose bits, larger ones saturate."""


@dataclass(frozen=True)
class Scaled:
    """Integers with a scale a row: ``values[..., n, k] * scale[..., n]``.

    Attributes:
        values: whole numbers, float64 so that BLAS sums them exactly.
        scale: float64, one a row.
    """

    values: np.ndarray
    scale: np.ndarray

    def __getitem__(self, which: int | slice) -> Scaled:
        """One, or some, of the matrices [i, n, k]: a loop's loads choose theirs by a register."""
        return Scaled(self.values[which], self.scale[which])

    def __len__(self) -> int:
        return len(self.values)

    def joined(self) -> Scaled:
        """Matrices [i, n, k], one below the other: [i n, k]."""
        return Scaled(self.values.reshape(-1, self.values.shape[-1]), self.scale.ravel())


def round_block(x: np.ndarray, mantissa: int, block: int) -> np.ndarray:
    """Block floating point: sign and ``mantissa`` bits an element, an exponent shared by ``block`` along the last axis.

    The format has no infinity, which becomes the largest number, and no NaN, which stays one alone (so that it is
    seen): neither disturbs the exponent of what else is in the block more than a large number would.

    Args:
        x: float32 [..., k]; the last block may be shorter.
        mantissa: bits beside the sign.
        block: elements that share an exponent.
    """
    k = x.shape[-1]
    padded = np.zeros((*x.shape[:-1], -(-k // block) * block), np.float32)
    padded[..., :k] = x
    parts = padded.reshape(*x.shape[:-1], -1, block)
    # fmax passes over NaN; frexp of infinity has no exponent, and beyond GREATEST all numbers have the same.
    largest = np.fmax.reduce(np.abs(parts), axis=-1, keepdims=True, initial=0)
    # frexp gives a fraction of 0.5 to 1: the leading bit's weight is one less.
    exponent = np.frexp(np.minimum(largest, np.float32(2.0 ** (GREATEST + 1))))[1] - 1
    step = np.exp2(np.clip(exponent, LEAST, GREATEST) - (mantissa - 1)).astype(np.float32)
    most = np.float32(2**mantissa - 1)
    values = np.clip(np.rint(parts / step), -most, most) * step
    return values.reshape(padded.shape)[..., :k]


def to_integers(x: np.ndarray, bits: int) -> Scaled:
    """Symmetric integers, a scale a row; a row that is not finite has no scale: all of it is NaN.

    Args:
        x: float32 [..., n, k].
        bits: 8 or 16; the least number is not used, so that it is symmetric.
    """
    most = 2 ** (bits - 1) - 1
    reach = np.abs(x).max(axis=-1, initial=0.0).astype(np.float64)
    scale = np.where(reach == 0, 1.0, np.where(np.isfinite(reach), reach, np.nan) / most)
    return Scaled(np.rint(x.astype(np.float64) / scale[..., None]).clip(-most, most), scale)


def rounder(name: str, block: int) -> Rounder | None:
    """The rounding of a floating-point format; None for float32 itself.

    Raises:
        UnsupportedError: an integer format, which needs a scale, or one that float32 cannot hold.
    """
    if name == "fp32":
        return None
    if name in MANTISSA:
        return lambda x: round_block(x, MANTISSA[name], block)
    types = {"bf16": np.dtype(ml_dtypes.bfloat16), "fp16": np.dtype(np.float16)}
    if name not in types:
        raise UnsupportedError(
            f"values in {name} are not simulated in float32", "use --numerics exact"
        )
    narrow = types[name]

    def convert(x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return x.astype(narrow).astype(np.float32)

    return convert
