"""The check of what instructions touch, as far as it is known before the run."""

from __future__ import annotations

from bisect import bisect_right

from rnncc.errors import ProgramError
from rnncc.isa.instruction import Instruction, Operand
from rnncc.isa.spec import OperandSpec
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import ITEM_SIZES
from rnncc.program.container import Program, Segment
from rnncc.program.control import Nest, loop_limit
from rnncc.program.ranges import footprint


def check_addresses(program: Program, nests: list[Nest]) -> None:
    """Check alignment, bounds and write permission of every operand.

    Checked are the operand's base, and its whole footprint when its extents are constants or run-time lengths at
    their maximum and its index is none or that of a loop around it (at the loop's first and last iteration).
    The simulator checks the rest as it runs.

    Raises:
        ProgramError: naming instruction, operand, address and the segment or memory that it leaves.
    """
    checker = _Checker(program)
    for number, instruction in enumerate(program.instructions):
        for position in range(len(instruction.operands)):
            checker.check(number, instruction, position, nests[number])
        if instruction.op == "dma" and instruction.operands[0].memory == "wmem":
            _check_weights(number, instruction)


def _check_weights(number: int, instruction: Instruction) -> None:
    """A load of weights is one matrix with dense rows."""
    e0, e2 = instruction.extents[0], instruction.extents[2]
    dst, item = instruction.operands[0], ITEM_SIZES[instruction.types[0]]
    if (e0.value, e0.reg) != (1, 0):
        raise ProgramError(
            f"instruction {number}: dma: into wmem goes one matrix at a time, so e0 must be 1, not {e0}"
        )
    dense = dst.strides[2] == item and (e2.reg != 0 or dst.strides[1] == e2.value * item)
    if not dense:
        raise ProgramError(f"instruction {number}: dma: rows of weights in wmem must be dense")


class _Checker:
    """Bounds of one program's memories."""

    def __init__(self, program: Program):
        self.program = program
        self.segments = sorted(program.segments, key=lambda segment: segment.address)
        self.starts = [segment.address for segment in self.segments]
        written = {i.rd for i in program.instructions if "rd" in INSTRUCTIONS[i.op].registers}
        self.lengths = {
            symbol.register: symbol.maximum
            for symbol in program.symbols.values()
            if symbol.register not in written
        }

    def check(self, number: int, instruction: Instruction, position: int, nest: Nest) -> None:
        """Check operand ``position`` of instruction ``number``."""
        operand = instruction.operands[position]
        described = INSTRUCTIONS[instruction.op].operands[position]
        where = f"instruction {number}: {instruction.mnemonic}: operand '{described.name}'"
        item = ITEM_SIZES[instruction.types[position]]
        for name, value in (("base", operand.base), ("index stride", operand.index_stride)):
            if value % item:
                raise ProgramError(
                    f"{where}: {name} {value} is not a multiple of the {item}-byte element"
                )
        if any(stride % item for stride in operand.strides):
            raise ProgramError(
                f"{where}: strides {operand.strides} are not multiples of the {item}-byte element"
            )
        low, high, name = self.bounds(operand, described, where)
        extents, from_lengths = self.extents(instruction, described)
        for index in self.indices(operand, nest, from_lengths):
            first, last = footprint(operand, described.axes, extents, item, index)
            if first < low or last > high:
                at = f" at index {index}" if index else ""
                raise ProgramError(
                    f"{where}: touches {operand.memory} bytes {first:#x}..{last:#x}{at}, outside {name} at "
                    f"{low:#x}..{high:#x}"
                )

    def bounds(self, operand: Operand, described: OperandSpec, where: str) -> tuple[int, int, str]:
        """First byte, end and name of what the operand must stay inside of."""
        if operand.memory != "dram":
            capacity = self.program.capacity(operand.memory)
            if operand.base >= capacity:
                raise ProgramError(
                    f"{where}: address {operand.base:#x} is outside {operand.memory} of {capacity} bytes"
                )
            return 0, capacity, operand.memory
        segment = self.segment_at(operand.base)
        if segment is None:
            raise ProgramError(f"{where}: address {operand.base:#x} of dram is in no segment")
        if described.writes and segment.kind in ("const", "input"):
            raise ProgramError(f"{where}: writes the {segment.kind} segment '{segment.name[:80]}'")
        return segment.address, segment.end, f"segment '{segment.name[:80]}'"

    def segment_at(self, address: int) -> Segment | None:
        """The segment that holds an address."""
        position = bisect_right(self.starts, address) - 1
        # Empty segments share their start with the next one and hold nothing.
        if position >= 0 and address < self.segments[position].end:
            return self.segments[position]
        return None

    def extents(
        self, instruction: Instruction, described: OperandSpec
    ) -> tuple[tuple[int, int, int], bool]:
        """The extents as far as known (1 where not), and whether a run-time length is among them."""
        values, from_lengths = [1, 1, 1], False
        for axis, extent in enumerate(instruction.extents):
            if extent.reg == 0:
                values[axis] = extent.value
            elif extent.reg in self.lengths:
                values[axis], from_lengths = extent.value * self.lengths[extent.reg], True
        if instruction.op == "gather" and described.name == "table":
            rows = int(instruction.imm[0])
            if rows < 0:
                raise ProgramError(f"gather: a table of {rows} rows")
            values[0] = rows
        return (values[0], values[1], values[2]), from_lengths

    def indices(self, operand: Operand, nest: Nest, from_lengths: bool) -> list[int]:
        """The index values to check; none when the index is not known."""
        if operand.index == 0:
            return [] if nest.conditional and from_lengths else [0]
        for loop in nest.loops:
            instruction = self.program.instructions[loop]
            if instruction.rd == operand.index:
                # Under a branch the compiler may have excluded the last iterations; with extents from lengths the
                # two may hang together.
                last = loop_limit(instruction) - 1
                return [0] if nest.conditional or from_lengths else sorted({0, max(last, 0)})
        return []
