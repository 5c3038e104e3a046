"""What the clockwork must know of an instruction with given extents; worked out once for each."""

from __future__ import annotations

from collections.abc import Sequence
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

WRITES, LOCAL, FROM_HOST, TO_HOST = range(len(ENGINE_NAMES), len(ENGINE_NAMES) + 4)
"""Queues of the DMA engine besides the first: writes to DRAM on a machine with ``dma.duplex``, copies within the chip
on one with ``dma.local``, each way of the link to the host on one with ``dma.host_bytes_per_cycle``. The first queue of
an engine has the engine's id.
"""
LANES = TO_HOST + 1

WHOLE_INPUT = frozenset({"mm", "mma", "gather"})
"""Operations that cannot start on the first elements of what they read: a product needs its whole vector."""


@dataclass(frozen=True)
class TimedOperand:
    """One operand: memory id, what happens to it, and its footprint relative to its address."""

    memory: int
    reads: bool
    writes: bool
    shape: Shape

    @property
    def accumulates(self) -> bool:
        """Whether the instruction adds to what is there."""
        return self.reads and self.writes


@dataclass(frozen=True)
class Timed:
    """An instruction with given extents, as the clockwork sees it.

    Attributes:
        pc: its index.
        number: counts its executions.
        engine: engine id.
        lane: number of the queue that it takes: the engine's, or a further one of the DMA engine.
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
    """All the (instruction, extents) pairs of a program on a machine.

    Args:
        instructions: the program.
        machine: where it runs.
        ports: DRAM addresses [low, high) of its inputs and outputs.
    """

    def __init__(
        self,
        instructions: tuple[Instruction, ...],
        machine: MachineDescription,
        ports: Sequence[tuple[int, int]] = (),
    ):
        self.instructions = instructions
        self.ports = ports
        self.machine = machine
        self.all: list[Timed] = []
        self._found: dict[tuple[int, Extents], Timed] = {}

    def of(self, pc: int, extents: Extents) -> Timed:
        """The pair's description; the same object every time."""
        found = self._found.get((pc, extents))
        if found is not None:
            return found
        instruction = self.instructions[pc]
        work = work_of_instruction(self.machine, instruction, extents, self.ports)
        spec = INSTRUCTIONS[instruction.op]
        engine = ENGINE_IDS[spec.engine]
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
            self._lane(work) if spec.engine == "dma" else engine,
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

    def _lane(self, work: Work) -> int:
        """The queue of a transfer."""
        outward = work.accesses[0].memory == "dram"
        if any(access.host for access in work.accesses):
            return TO_HOST if outward else FROM_HOST
        if self.machine.dma.local and all(a.memory != "dram" for a in work.accesses):
            return LOCAL
        return WRITES if outward and self.machine.dma.duplex else ENGINE_IDS["dma"]
