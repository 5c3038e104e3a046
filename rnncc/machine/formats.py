"""Number formats that machines compute in, and the bits of an element.

A block format shares one exponent among the elements of a block (a native vector of the matrix engine), so
its bytes an element are fractional: 1 sign + 2 mantissa + 5/400 exponent bits on Brainwave's BW_S10.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NumberFormat:
    """One format.

    Attributes:
        name: as in machine files.
        bits: bits of its own that each element takes.
        shared_bits: bits that a block shares; 0 for ordinary formats.
        meaning: one line for people.
    """

    name: str
    bits: int
    shared_bits: int
    meaning: str

    def bytes_per_element(self, block: int) -> float:
        """Bytes an element takes, its share of the block's exponent included.

        Args:
            block: elements in a block (columns of the matrix engine); at least 1.
        """
        return (self.bits + self.shared_bits / block) / 8


_FORMATS = (
    NumberFormat("fp64", 64, 0, "IEEE double"),
    NumberFormat("fp32", 32, 0, "IEEE single"),
    NumberFormat("fp16", 16, 0, "IEEE half"),
    NumberFormat("bf16", 16, 0, "8-bit exponent, 7-bit mantissa"),
    NumberFormat("int32", 32, 0, "two's complement"),
    NumberFormat("int16", 16, 0, "two's complement, scaled"),
    NumberFormat("int8", 8, 0, "two's complement, scaled"),
    NumberFormat(
        "bfp-1s5e2m",
        3,
        5,
        "block floating point: sign, 2-bit mantissa, shared 5-bit exponent",
    ),
    NumberFormat(
        "bfp-1s5e3m",
        4,
        5,
        "block floating point: sign, 3-bit mantissa, shared 5-bit exponent",
    ),
    NumberFormat(
        "bfp-1s5e4m",
        5,
        5,
        "block floating point: sign, 4-bit mantissa, shared 5-bit exponent",
    ),
    NumberFormat(
        "bfp-1s5e5m",
        6,
        5,
        "block floating point: sign, 5-bit mantissa, shared 5-bit exponent",
    ),
)

FORMATS: dict[str, NumberFormat] = {item.name: item for item in _FORMATS}
"""Format by name."""
