"""What a machine is: frozen dataclasses, one field for each number of a machine file.

Only the machine is described here, not what a compiler should do with it. Every number has its
source in ``MachineDescription.sources`` under its dotted name (``"matrix.rows"``), or under its
table (``"matrix"``). A cycle is one period of ``clock_hz``; sizes are bytes in the machine's native
formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rnncc.errors import MachineError
from rnncc.machine.formats import FORMATS

MATRIX_KINDS = {
    "mvm": "one vector at a time against resident weights",
    "systolic": "a weight tile is shifted in, then a batch of vectors streams through it",
    "mma": "blocks of both operands",
}
"""Kinds of matrix engine and what they mean."""


@dataclass(frozen=True)
class Formats:
    """Native number formats: of weights (wmem), of activations (vmem) and of sums inside the
    matrix engine.
    """

    weights: str
    activations: str
    accumulate: str


@dataclass(frozen=True)
class MatrixEngine:
    """The matrix engine.

    Attributes:
        kind: a key of ``MATRIX_KINDS``.
        rows: outputs (n) of the native tile.
        columns: inputs (k) of the native tile; also the block of block floating point.
        count: identical arrays that share the work of an instruction.
        depth: cycles from the last input of a tile to its first output.
        weight_load_cycles: cycles to put one native tile into the array; 0 when weights are read in
            place.
        weight_buffers: native tiles that the array holds at once (2 = load one while using the
            other).
        rates: format -> share of the full rate, either ``"bf16"`` (both operands) or
            ``"int8xint16"`` (weights x activations).
        lanes: inputs (k) that a row takes in a cycle; 0 = all its columns. A tile takes columns /
            lanes cycles a vector.
        sparse_rate: speed-up per unit of bank-balanced sparsity: 0 = none, 1 = a fraction s of
            zeros saves s of the cycles.
    """

    kind: str
    rows: int
    columns: int
    count: int
    depth: int
    weight_load_cycles: int
    weight_buffers: int
    rates: dict[str, float]
    lanes: int = 0
    sparse_rate: float = 0.0

    @property
    def width(self) -> int:
        """Inputs that a row takes in a cycle."""
        return self.lanes or self.columns

    @property
    def macs_per_cycle(self) -> int:
        """Multiply-accumulates a cycle of all arrays at the full rate."""
        return self.rows * self.width * self.count

    def rate(self, weights: str, activations: str) -> float | None:
        """Share of the full rate for two formats; None when the engine cannot multiply them."""
        if f"{weights}x{activations}" in self.rates:
            return self.rates[f"{weights}x{activations}"]
        return self.rates.get(weights) if weights == activations else None


@dataclass(frozen=True)
class VectorDepth:
    """Cycles from the first input to the first output, by class of operation."""

    simple: int
    multiply: int
    divide: int
    transcendental: int
    reduce: int


@dataclass(frozen=True)
class VectorEngine:
    """The vector engine: ``lanes`` elements a cycle in each of ``units`` identical units."""

    lanes: int
    units: int
    depth: VectorDepth


@dataclass(frozen=True)
class DmaEngine:
    """The DMA engine.

    Attributes:
        channels: transfers at once; they share the bandwidth.
        bytes_per_cycle: between DRAM and the chip, all channels together.
        latency: cycles from issue to the first byte.
    """

    channels: int
    bytes_per_cycle: float
    latency: int


@dataclass(frozen=True)
class Memory:
    """One memory.

    Attributes:
        size: bytes, in the native format of what it holds.
        granule: bytes of the smallest access; a power of two. A shorter or unaligned run pays for
            whole granules.
        ports: accesses at once.
        bytes_per_cycle: of all ports together.
    """

    size: int
    granule: int
    ports: int
    bytes_per_cycle: float


@dataclass(frozen=True)
class Memories:
    """The three memories: ``dram`` holds everything, ``wmem`` weights by the matrix engine,
    ``vmem`` activations.
    """

    dram: Memory
    wmem: Memory
    vmem: Memory

    def __getitem__(self, name: str) -> Memory:
        """Memory by name; KeyError for any other name."""
        if name not in ("dram", "wmem", "vmem"):
            raise KeyError(name)
        return getattr(self, name)


@dataclass(frozen=True)
class QueueDepth:
    """Instructions that wait at each engine before the dispatcher stalls."""

    dma: int
    matrix: int
    vector: int

    def __getitem__(self, engine: str) -> int:
        """Depth by engine name; KeyError for any other name."""
        if engine not in ("dma", "matrix", "vector"):
            raise KeyError(engine)
        return getattr(self, engine)


@dataclass(frozen=True)
class Control:
    """The dispatcher.

    Attributes:
        dispatch_cycles: cycles between two instructions issued.
        queue_depth: see ``QueueDepth``.
        loop_cycles: cycles of an ``endloop``.
        read_latency: cycles of a scalar read from memory.
        branch_cycles: cycles of a branch.
    """

    dispatch_cycles: int
    queue_depth: QueueDepth
    loop_cycles: int
    read_latency: int
    branch_cycles: int


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

        for key, problem in problems(self):
            raise MachineError(f"machine '{self.name}': {key}: {problem}")
