"""What the clockwork must know of an instruction with given extents; worked out once for each."""

from __future__ import annotations

from dataclasses import dataclass

from rnncc.cost import Cost, Work, cost, work_of_instruction
from rnncc.cost.vector import operation_class
from rnncc.isa.instruction import Instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.machine.description import MachineDescription
from rnncc.simulator.footprint import Extents, Shape, footprints

MEMORY_IDS = {"dram": 0, "wmem": 1, "vmem": 2}
ENGINE_IDS = {"dma": 0, "matrix": 1, "vector": 2}
ENGINE_NAMES = tuple(ENGINE_IDS)

WRITES = len(ENGINE_NAMES)
"""The queue of writes to DRAM on a machine with ``dma.duplex``; the other queues have their engine's id."""

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
        lane: number of the queue that it takes: the engine's, or that of writes to DRAM.
        cost: its cycles when nothing is in its way.
        streams: it may start on the first elements of its inputs.
        operands: destination first.
        work: for the counters.
        loads: it moves weights from DRAM into wmem.
        function: of the vector engine: class of operation, a field of ``VectorDepth``; else "".
    """

    pc: int
    number: int
    engine: int
    lane: int
    cost: Cost
    streams: bool
    operands: tuple[TimedOperand, ...]
    work: Work
    loads: bool
    function: str = ""


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
        engine = ENGINE_IDS[spec.engine]
        outward = spec.engine == "dma" and instruction.operands[0].memory == "dram"
        operands = tuple(
            TimedOperand(MEMORY_IDS[operand.memory], described.reads, described.writes, shape)
            for operand, described, shape in zip(
                instruction.operands, spec.operands, footprints(instruction, extents), strict=True
            )
        )
        timed = Timed(
            pc,
            len(self.all),
            engine,
            WRITES if outward and self.machine.dma.duplex else engine,
            cost(self.machine, work),
            self.machine.chaining and instruction.op not in WHOLE_INPUT,
            operands,
            work,
            instruction.op == "dma"
            and [operand.memory for operand in instruction.operands] == ["wmem", "dram"],
            operation_class(instruction.op, instruction.kind) if spec.engine == "vector" else "",
        )
        self.all.append(timed)
        self._found[pc, extents] = timed
        return timed
