"""The setup part of a program: leading loads of constants that stay on chip from run to run."""

from __future__ import annotations

from collections.abc import Iterator

from rnncc.errors import ProgramError
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import ITEM_SIZES
from rnncc.program.container import Program
from rnncc.program.control import Nest, loop_limit
from rnncc.program.ranges import footprint


def check_setup(program: Program, nests: list[Nest]) -> None:
    """Check that the setup part may be done once for all runs.

    It consists of transfers with fixed extents and addresses from constants to the chip, and nothing after it writes
    where they lie, as far as addresses are known before the run.

    Raises:
        ProgramError: naming the instruction.
    """
    if not 0 <= program.setup < max(len(program.instructions), 1):
        raise ProgramError(f"setup: {program.setup} of {len(program.instructions)} instructions")
    kept: dict[str, list[tuple[int, int]]] = {"wmem": [], "vmem": []}
    for number in range(program.setup):
        instruction = program.instructions[number]
        moving = any(e.reg for e in instruction.extents) or any(
            o.index for o in instruction.operands
        )
        if instruction.op != "dma" or moving:
            raise ProgramError(f"instruction {number}: setup has only dma with fixed places")
        target, source = instruction.operands
        constant = any(
            segment.kind == "const" and segment.address <= source.base < segment.end
            for segment in program.segments
        )
        if target.memory == "dram" or source.memory != "dram" or not constant:
            raise ProgramError(f"instruction {number}: setup moves constants to the chip only")
        kept[target.memory] += [(low, high) for _, low, high in _written(program, number, nests)]
    for number in range(program.setup, len(program.instructions)):
        for memory, low, high in _written(program, number, nests):
            if any(low < end and start < high for start, end in kept.get(memory, ())):
                raise ProgramError(
                    f"instruction {number}: writes {memory} bytes {low:#x}..{high:#x}, which setup loads for all runs"
                )


def _written(program: Program, number: int, nests: list[Nest]) -> Iterator[tuple[str, int, int]]:
    """Memory, first byte and end of what an instruction is known to write on the chip."""
    instruction = program.instructions[number]
    lengths = {symbol.register: symbol.maximum for symbol in program.symbols.values()}
    values = [e.value * (lengths.get(e.reg, 1) if e.reg else 1) for e in instruction.extents]
    extents = (values[0], values[1], values[2]) if len(values) == 3 else (1, 1, 1)
    specs = INSTRUCTIONS[instruction.op].operands
    for spec, operand, element in zip(specs, instruction.operands, instruction.types, strict=False):
        if not spec.writes or operand.memory == "dram":
            continue
        last = 0
        for loop in nests[number].loops:
            if operand.index and program.instructions[loop].rd == operand.index:
                last = max(loop_limit(program.instructions[loop]) - 1, 0)
        ends = [
            footprint(operand, spec.axes, extents, ITEM_SIZES[element], index)
            for index in (0, last)
        ]
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
        if low < high:
            yield operand.memory, low, high
