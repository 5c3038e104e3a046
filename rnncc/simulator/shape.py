"""What the clockwork must know of an instruction with given extents; worked out once for each."""

from __future__ import annotations

from dataclasses import dataclass

from rnncc.cost import Cost, Work, cost, work_of_instruction
from rnncc.isa.instruction import Instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.machine.description import MachineDescription
from rnncc.simulator.footprint import Extents, Shape, footprints

MEMORY_IDS = {"dram": 0, "wmem": 1, "vmem": 2}
ENGINE_IDS = {"dma": 0, "matrix": 1, "vector": 2}
ENGINE_NAMES = tuple(ENGINE_IDS)

WHOLE_INPUT = frozenset({"mm", "mma", "gather"})
"""Operations that cannot start on the first elements of what they read: a product needs its whole vector."""


@dataclass(frozen=True)
class TimedOperand:
    """One operand: memory id, what happens to it, and its footprint relative to its address."""

    memory: int
    reads: bool
    writes: bool
    shape: Shape


@dataclass(frozen=True)
class Timed:
    """An instruction with given extents, as the clockwork sees it.

    Attributes:
        pc: its index.
        number: counts its executions.
        engine: engine id.
        cost: its cycles when nothing is in its way.
        streams: it may start on the first elements of its inputs.
        operands: destination first.
        work: for the counters.
        loads: it moves weights from DRAM into wmem.
    """

    pc: int
    number: int
    engine: int
    cost: Cost
    streams: bool
    operands: tuple[TimedOperand, ...]
    work: Work
    loads: bool


class Shapes:
    """All the (instruction, extents) pairs of a program on a machine."""

    def __init__(self, instructions: tuple[Instruction, ...], machine: MachineDescription):
        self.instructions = instructions
        self.machine = machine
        self.all: list[Timed] = []
        self._found: dict[tuple[int, Extents], Timed] = {}

    def of(self, pc: int, extents: Extents) -> Timed:
        """The pair's description; the same object every time."""
        found = self._found.get((pc, extents))
        if found is not None:
            return found
        instruction = self.instructions[pc]
        work = work_of_instruction(self.machine, instruction, extents)
        spec = INSTRUCTIONS[instruction.op]
        operands = tuple(
            TimedOperand(MEMORY_IDS[operand.memory], described.reads, described.writes, shape)
            for operand, described, shape in zip(
                instruction.operands, spec.operands, footprints(instruction, extents), strict=True
            )
        )
        timed = Timed(
            pc,
            len(self.all),
            ENGINE_IDS[spec.engine],
            cost(self.machine, work),
            self.machine.chaining and instruction.op not in WHOLE_INPUT,
            operands,
            work,
            instruction.op == "dma"
            and [operand.memory for operand in instruction.operands] == ["wmem", "dram"],
        )
        self.all.append(timed)
        self._found[pc, extents] = timed
        return timed
