"""What a row of the instruction table says, as types."""

from __future__ import annotations

from dataclasses import dataclass

ENGINES = ("control", "dma", "matrix", "vector")
"""The engines that execute instructions; control runs in the dispatcher itself."""

MEMORIES: dict[str, int] = {"dram": 1, "wmem": 2, "vmem": 3}
"""Memory -> code in an instruction word; 0 is "no operand"."""

ANY = ("dram", "wmem", "vmem")
VMEM = ("vmem",)


@dataclass(frozen=True)
class OperandSpec:
    """One tensor operand of an operation.

    Attributes:
        name: as in the semantics.
        access: ``w`` written, ``r`` read, ``rw`` both.
        axes: which extents (0, 1, 2) it runs over; the strides of the others are zero.
        memories: where it may lie.
    """

    name: str
    access: str
    axes: tuple[int, ...] = (0, 1, 2)
    memories: tuple[str, ...] = VMEM

    @property
    def reads(self) -> bool:
        """True when the instruction reads the operand."""
        return "r" in self.access

    @property
    def writes(self) -> bool:
        """True when the instruction writes the operand."""
        return "w" in self.access


@dataclass(frozen=True)
class ImmediateSpec:
    """One immediate.

    Attributes:
        name: as in assembler text, ``name=value``.
        form: ``int`` (64-bit signed), ``float`` (IEEE double) or ``element`` (float when operand 0
            has a floating-point type, else int).
    """

    name: str
    form: str = "int"


@dataclass(frozen=True)
class InstructionSpec:
    """One row of the table.

    Attributes:
        op: name, without the kind.
        opcode: 1 to 255; 0 is never an instruction.
        engine: one of ``ENGINES``.
        layout: name of the word format.
        semantics: what it does, in one line.
        kinds: sub-operation -> code; empty when the operation has none.
        operands: tensor operands, destination first.
        immediates: see ``ImmediateSpec``.
        registers: which of ``rd``, ``ra``, ``rb`` it uses.
        targets: True when it carries the index of another instruction.
        typing: rule of the element types, a key of ``TYPING``.
        notes: restrictions and remarks for the reference page.
    """

    op: str
    opcode: int
    engine: str
    layout: str
    semantics: str
    kinds: dict[str, int]
    operands: tuple[OperandSpec, ...] = ()
    immediates: tuple[ImmediateSpec, ...] = ()
    registers: tuple[str, ...] = ()
    targets: bool = False
    typing: str = "none"
    notes: str = ""

    @property
    def mnemonics(self) -> tuple[str, ...]:
        """Every name that assembler text may use for this row."""
        return tuple(f"{self.op}.{kind}" for kind in self.kinds) if self.kinds else (self.op,)


TYPING: dict[str, str] = {
    "none": "no element types",
    "any": "any type",
    "same": "all operands of one type",
    "compare": "dst i1; a and b of one type",
    "select": "c i1; dst, a and b of one type",
    "convert": "any two types",
    "gather": "dst and table of one type; index i32 or i64",
    "matrix": "no operand is i1; dst as wide as the accumulation",
    "index": "dst i64; a any type",
}
"""Typing rule -> how the reference page states it; ``rnncc.isa.typerules`` checks it."""
