"""What a machine is: frozen dataclasses, one field for each number of a machine file.

Only the machine is described here, not what a compiler should do with it. Every number has its
source in ``MachineDescription.sources`` under its dotted name (``"matrix.rows"``), or under its
table (``"matrix"``). A cycle is one period of ``clock_hz``; sizes are bytes in the machine's native
formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rnncc.errors import MachineError
from rnncc.machine.energy import Energy
from rnncc.machine.engines import (
    MATRIX_KINDS,
    SYNC_KINDS,
    VECTOR_KINDS,
    Control,
    DmaEngine,
    Formats,
    MatrixEngine,
    Memories,
    Memory,
    QueueDepth,
    Sync,
    VectorDepth,
    VectorEngine,
)
from rnncc.machine.formats import FORMATS

__all__ = [
    "MATRIX_KINDS", "SYNC_KINDS", "VECTOR_KINDS", "Control", "DmaEngine", "Formats", "MachineDescription",
    "MatrixEngine", "Memories", "Memory", "QueueDepth", "Sync", "VectorDepth", "VectorEngine",
]  # fmt: skip


@dataclass(frozen=True)
class MachineDescription:
    """One machine.

    Attributes:
        name: short name, lower case with dashes.
        title: name for people.
        description: what it is, in a sentence or two.
        source: the main publication or, for a made-up machine, how it was chosen.
        clock_hz: cycles a second.
        formats: native number formats.
        matrix, vector, dma, memories, control: the engines and memories.
        chaining: an instruction may start when its producer's first elements are out.
        energy: what an operation and a byte take; optional.
        sync: how engines hand over results.
        sources: dotted name of a number or table -> where it comes from.
        calibrated: dotted names of the numbers that were fitted to measurements.
    """

    name: str
    title: str
    description: str
    source: str
    clock_hz: float
    chaining: bool
    formats: Formats
    matrix: MatrixEngine
    vector: VectorEngine
    dma: DmaEngine
    memories: Memories
    control: Control
    energy: Energy = field(default_factory=Energy)
    sync: Sync = field(default_factory=Sync)
    sources: dict[str, str] = field(default_factory=dict)
    calibrated: tuple[str, ...] = ()

    def native_bytes(self, memory: str) -> float:
        """Bytes a floating-point element takes in a memory, perhaps a fraction.

        Args:
            memory: ``wmem`` (weights format), ``vmem`` or ``dram`` (activations format; weights
                streamed from ``dram`` take ``native_bytes("wmem")``).
        """
        name = self.formats.weights if memory == "wmem" else self.formats.activations
        return FORMATS[name].bytes_per_element(self.matrix.columns)

    @property
    def matrix_rate(self) -> float:
        """Share of the matrix engine's full rate for the machine's own formats."""
        return self.matrix.rate(self.formats.weights, self.formats.activations) or 0.0

    @property
    def peak_macs_per_cycle(self) -> float:
        """Multiply-accumulates a cycle in the machine's own formats."""
        return self.matrix.macs_per_cycle * self.matrix_rate

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes a cycle between DRAM and the chip: the slower of the DMA engine and the DRAM."""
        return min(self.dma.bytes_per_cycle, self.memories.dram.bytes_per_cycle)

    def seconds(self, cycles: float) -> float:
        """Cycles as seconds."""
        return cycles / self.clock_hz

    def scale(self, element_bytes: int) -> dict[str, int]:
        """How many container bytes stand for one native byte, by memory.

        Capacity counts native bytes while values live in containers of the model's own type; a
        memory of ``size`` native bytes holds ``size * scale`` container bytes.

        Args:
            element_bytes: bytes of the model's floating-point type.
        """
        return {
            memory: max(1, int(element_bytes / self.native_bytes(memory)))
            for memory in ("dram", "wmem", "vmem")
        }

    def capacity(self, memory: str, element_bytes: int) -> int:
        """Container bytes that fit a memory for a model whose floating-point type has
        ``element_bytes``.
        """
        return self.memories[memory].size * self.scale(element_bytes)[memory]

    def validate(self) -> None:
        """Check that the machine could exist.

        Raises:
            MachineError: naming the machine, the number and what is wrong with it.
        """
        from rnncc.machine.check import problems

        for problem in problems(self):
            raise MachineError(f"machine '{self.name}': {problem.key}: {problem.reason}")
