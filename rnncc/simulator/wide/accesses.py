"""The bytes that each operand of a loop's body touches, iteration by iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction, Operand
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import ITEM_SIZES
from rnncc.simulator.footprint import footprints
from rnncc.simulator.memory import Memory
from rnncc.simulator.structure import Loop
from rnncc.simulator.wide.forms import Forms, Stays
from rnncc.simulator.wide.ranges import Range, Ranges, of_terms

WIDE = frozenset(
    op
    for op, spec in INSTRUCTIONS.items()
    if spec.engine != "control" and op not in ("gather", "iota")
)
"""Operations that can take one more extent."""


@dataclass(eq=False)
class Access:
    """One operand of one instruction.

    Addresses are ``sum(factor * R[register]) + at[iteration]``, the factors in bytes.

    Attributes:
        pc: the instruction's index.
        place: the operand's number.
        item: the instruction.
        area: what it lies in: ``wmem``, ``vmem`` or a segment.
        limits: first and one past the last address of the area.
        terms: outer registers and their factors.
        at: see above.
        low: lowest byte, relative to the address.
        high: one past the highest byte.
        ahead: range of the terms' sum; None when unknown.
    """

    pc: int
    place: int
    item: Instruction
    area: str
    limits: Range
    terms: tuple[tuple[int, int], ...]
    at: np.ndarray
    low: int
    high: int
    ahead: Range | None

    @property
    def operand(self) -> Operand:
        """The operand."""
        return self.item.operands[self.place]

    @property
    def reads(self) -> bool:
        """The instruction reads it."""
        return INSTRUCTIONS[self.item.op].operands[self.place].reads

    @property
    def writes(self) -> bool:
        """The instruction writes it."""
        return INSTRUCTIONS[self.item.op].operands[self.place].writes

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return ITEM_SIZES[self.item.types[self.place]]

    @property
    def extents(self) -> tuple[int, ...]:
        """Extents that the operand runs over; 1 for the others."""
        axes = INSTRUCTIONS[self.item.op].operands[self.place].axes
        return tuple(e.value if i in axes else 1 for i, e in enumerate(self.item.extents))

    @property
    def step(self) -> int | None:
        """Bytes from iteration to iteration; None when they are not always the same."""
        steps = np.diff(self.at)
        return int(steps[0]) if (steps == steps[0]).all() else None

    @property
    def span(self) -> Range:
        """First and one past the last byte of all iterations, without the terms."""
        return int(self.at.min()) + self.low, int(self.at.max()) + self.high

    @property
    def proved(self) -> bool:
        """Whether no iteration can leave the area, whatever the outer registers hold."""
        if self.ahead is None:
            return False
        first, last = self.span
        return self.limits[0] <= first + self.ahead[0] and last + self.ahead[1] <= self.limits[1]


def accesses(
    instructions: Sequence[Instruction],
    loop: Loop,
    count: int,
    memory: Memory,
    wmem_bytes: int,
    known: Ranges,
) -> list[Access]:
    """Every operand of the tensor instructions of a loop's body, in program order.

    Args:
        instructions: the program.
        loop: a loop without loops inside.
        count: its iterations, at least 2.
        memory: where operands lie.
        wmem_bytes: size of wmem.
        known: ranges of registers when the loop starts.

    Raises:
        Stays: something in the body cannot be executed at once.
    """
    forms = Forms(instructions, loop, count)
    found: list[Access] = []
    for item in loop.body.items:
        if not isinstance(item, int):
            raise Stays("there is a loop inside")
        instruction = instructions[item]
        if instruction.op in ("s", "s.imm"):
            forms.execute(instruction)
            continue
        if instruction.op not in WIDE:
            raise Stays(instruction.mnemonic)
        if any(extent.reg or extent.value < 1 for extent in instruction.extents):
            raise Stays("an extent is a register or zero")
        e0, e1, e2 = (extent.value for extent in instruction.extents)
        for place, shape in enumerate(footprints(instruction, (e0, e1, e2))):
            operand = instruction.operands[place]
            area, limits = _area(memory, operand, wmem_bytes)
            form = forms.read(operand.index).times(operand.index_stride)
            found.append(
                Access(
                    item, place, instruction, area, limits, form.terms,
                    form.numbers + operand.base, *shape[:2], of_terms(form.terms, known),
                )
            )  # fmt: skip
    return found


def _area(memory: Memory, operand: Operand, wmem_bytes: int) -> tuple[str, Range]:
    if operand.memory == "wmem":
        return "wmem", (0, wmem_bytes)
    try:
        region = memory.find(operand.memory, operand.base)
    except SimulationError as error:
        raise Stays(str(error)) from None
    area = operand.memory if operand.memory == "vmem" else f"segment '{region.name}'"
    return area, (region.address, region.address + region.data.nbytes)
