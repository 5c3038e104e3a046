"""The parts of a machine: formats, engines, memories and the dispatcher, as frozen dataclasses.

A cycle is one period of the machine's clock; sizes are bytes in its native formats.
"""

from __future__ import annotations

from dataclasses import dataclass

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
