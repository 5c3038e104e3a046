"""Bit fields of the 1024-bit instruction word, and the three formats that lay them out.

Positions are written out, not accumulated, so that the check at import means something: every bit
of a format belongs to exactly one field. Reserved fields are fields too; they must be zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

WORD_BITS = 1024
WORD_BYTES = WORD_BITS // 8
OPERAND_BITS = 185
OPERAND_START = 128


@dataclass(frozen=True)
class BitField:
    """One field of a format.

    Attributes:
        name: unique within its format; reserved fields start with ``reserved``.
        high: highest bit, inclusive.
        low: lowest bit; bit 0 is the lowest bit of byte 0.
        meaning: one line for the reference page.
        signed: two's complement when true.
    """

    name: str
    high: int
    low: int
    meaning: str
    signed: bool = False

    @property
    def width(self) -> int:
        """Bits."""
        return self.high - self.low + 1

    @property
    def mask(self) -> int:
        """The field's bits within the word."""
        return ((1 << self.width) - 1) << self.low

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest value, inclusive."""
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1

    @property
    def reserved(self) -> bool:
        """True when the field carries nothing and must be zero."""
        return self.name.startswith("reserved")


@dataclass(frozen=True)
class WordFormat:
    """A layout of the whole word."""

    name: str
    meaning: str
    fields: tuple[BitField, ...]

    @cached_property
    def by_name(self) -> dict[str, BitField]:
        """Field by name."""
        return {field.name: field for field in self.fields}


def check_format(layout: WordFormat) -> None:
    """Check that each bit of the word belongs to exactly one field and that names are unique.

    Raises:
        ValueError: naming the format, the bit and the fields; raised at import, it is a mistake in
            this package.
    """
    names = [field.name for field in layout.fields]
    if len(set(names)) != len(names):
        raise ValueError(f"format '{layout.name}' has two fields of one name")
    expected = 0
    for field in sorted(layout.fields, key=lambda field: field.low):
        if field.low != expected:
            problem = (
                "overlaps the field below it" if field.low < expected else "leaves bits uncovered"
            )
            raise ValueError(
                f"format '{layout.name}': field '{field.name}' {problem} at bit {expected}"
            )
        expected = field.high + 1
    if expected != WORD_BITS:
        raise ValueError(f"format '{layout.name}' covers {expected} of {WORD_BITS} bits")


def _operand(number: int) -> tuple[BitField, ...]:
    """The fields of operand ``number``: 185 bits each, one after the other from bit 128."""
    start = OPERAND_START + number * OPERAND_BITS
    p = f"op{number}"
    return (
        BitField(
            f"{p}_memory", start + 1, start, f"operand {number}: 0 none, 1 dram, 2 wmem, 3 vmem"
        ),
        BitField(f"{p}_base", start + 41, start + 2, f"operand {number}: byte address"),
        BitField(f"{p}_index", start + 46, start + 42, f"operand {number}: index register, 0 none"),
        BitField(
            f"{p}_index_stride",
            start + 82,
            start + 47,
            f"operand {number}: bytes an index step",
            True,
        ),
        BitField(
            f"{p}_stride0", start + 116, start + 83, f"operand {number}: bytes a step of e0", True
        ),
        BitField(
            f"{p}_stride1", start + 150, start + 117, f"operand {number}: bytes a step of e1", True
        ),
        BitField(
            f"{p}_stride2", start + 184, start + 151, f"operand {number}: bytes a step of e2", True
        ),
    )


TENSOR = WordFormat(
    "tensor",
    "DMA, matrix and vector instructions: three extents, up to four operands, two immediates",
    (
        BitField("opcode", 7, 0, "operation"),
        BitField("kind", 15, 8, "sub-operation"),
        BitField("type0", 19, 16, "element type of operand 0"),
        BitField("type1", 23, 20, "element type of operand 1"),
        BitField("type2", 27, 24, "element type of operand 2"),
        BitField("type3", 31, 28, "element type of operand 3"),
        BitField("e0", 63, 32, "extent 0"),
        BitField("e1", 95, 64, "extent 1"),
        BitField("e2", 127, 96, "extent 2"),
        *_operand(0),
        *_operand(1),
        *_operand(2),
        *_operand(3),
        BitField("e0_reg", 872, 868, "register that multiplies e0, 0 none"),
        BitField("e1_reg", 877, 873, "register that multiplies e1, 0 none"),
        BitField("e2_reg", 882, 878, "register that multiplies e2, 0 none"),
        BitField("reserved", 895, 883, "zero"),
        BitField("imm1", 959, 896, "second immediate"),
        BitField("imm0", 1023, 960, "first immediate"),
    ),
)

SCALAR = WordFormat(
    "scalar",
    "scalar arithmetic and the read of one element into a register",
    (
        BitField("opcode", 7, 0, "operation"),
        BitField("kind", 15, 8, "sub-operation"),
        BitField("type0", 19, 16, "element type of operand 0"),
        BitField("reserved0", 31, 20, "zero"),
        BitField("rd", 36, 32, "destination register"),
        BitField("ra", 41, 37, "first source register"),
        BitField("rb", 46, 42, "second source register, when use_imm is 0"),
        BitField("use_imm", 47, 47, "1: the second source is imm0"),
        BitField("reserved1", 127, 48, "zero"),
        *_operand(0),
        BitField("reserved2", 959, 313, "zero"),
        BitField("imm0", 1023, 960, "immediate, signed"),
    ),
)

CONTROL = WordFormat(
    "control",
    "loops, branches, host calls and the end of the program",
    (
        BitField("opcode", 7, 0, "operation"),
        BitField("reserved0", 31, 8, "zero"),
        BitField("rd", 36, 32, "register of the loop index"),
        BitField(
            "ra", 41, 37, "register of the loop count (0: imm0 is the count), or of the condition"
        ),
        BitField("reserved1", 63, 42, "zero"),
        BitField("target", 95, 64, "instruction to go on at; of a loop: its endloop"),
        BitField("reserved2", 959, 96, "zero"),
        BitField("imm0", 1023, 960, "loop: the count, or its maximum; host: number of the call"),
    ),
)

FORMATS: dict[str, WordFormat] = {layout.name: layout for layout in (TENSOR, SCALAR, CONTROL)}
"""Every format by name."""

for _layout in FORMATS.values():
    check_format(_layout)
