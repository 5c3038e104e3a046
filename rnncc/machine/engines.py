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

VECTOR_KINDS = {
    "simd": "units side by side; instructions follow one another through the pipeline",
    "chain": "units in series; one chain of dependent instructions at a time",
}
"""Kinds of vector engine and what they mean."""

SYNC_KINDS = {
    "interlock": "an instruction waits for the memory ranges that it touches",
    "bulk": "bulk-synchronous: what one engine hands to another passes a barrier of all engines and an exchange",
}
"""How engines hand over results."""


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
    """The vector engine: ``lanes`` elements a cycle in each of ``units`` identical units.

    Attributes:
        lanes: elements a cycle of one unit.
        units: identical units: side by side (``simd``), or one after another (``chain``).
        depth: see ``VectorDepth``.
        kind: a key of ``VECTOR_KINDS``. In a ``chain`` engine every unit has an adder, a multiplier and a function
            unit, connected to one chain at a time; the next chain enters when the last element has left.
        chain_cycles: of a ``chain`` engine: reading a chain's first operand and writing its last result.
    """

    lanes: int
    units: int
    depth: VectorDepth
    kind: str = "simd"
    chain_cycles: int = 0

    @property
    def pace(self) -> int:
        """Elements a cycle of one instruction."""
        return self.lanes * (self.units if self.kind == "simd" else 1)

    @property
    def pass_cycles(self) -> int:
        """Cycles that an element of a chain takes through all units of a ``chain`` engine, used or bypassed."""
        depth = self.depth
        unit = depth.simple + depth.multiply + depth.transcendental
        return self.units * unit + self.chain_cycles


@dataclass(frozen=True)
class Sync:
    """How a result gets from one engine to another.

    Attributes:
        kind: a key of ``SYNC_KINDS``.
        cycles: of ``bulk``: a barrier, from the last engine's end to the next superstep's start.
        bytes_per_cycle: of ``bulk``: the exchange of what crosses, all engines together; 0 = it is in place.
    """

    kind: str = "interlock"
    cycles: int = 0
    bytes_per_cycle: float = 0.0


@dataclass(frozen=True)
class DmaEngine:
    """The DMA engine.

    Attributes:
        channels: transfers at once; they share the bandwidth.
        bytes_per_cycle: between DRAM and the chip, all channels together.
        latency: cycles from issue to the first byte.
        duplex: writes to DRAM have a queue, channels and a data path of their own, so that one that waits for its
            data holds up no read.
        local: copies within the chip have a queue and channels of their own.
        host_bytes_per_cycle: each way between the host, where inputs and outputs then lie, and the chip; such
            transfers have queues, channels and data paths of their own. 0 = inputs and outputs lie in DRAM.
        host_latency: cycles of a transfer with the host to its first byte.
        whole_weight_tiles: weights lie in DRAM as whole native tiles of the array, filled up at the edges of a matrix,
            and come into the weight memory as such; false = as what a matrix holds. On the chip they take the room of
            what they hold either way.
    """

    channels: int
    bytes_per_cycle: float
    latency: int
    duplex: bool = False
    local: bool = False
    host_bytes_per_cycle: float = 0.0
    host_latency: int = 0
    whole_weight_tiles: bool = False

    @property
    def queues(self) -> int:
        """Queues that it serves, each with so many channels."""
        return 1 + self.duplex + self.local + 2 * (self.host_bytes_per_cycle > 0)


@dataclass(frozen=True)
class Memory:
    """One memory.

    Attributes:
        size: bytes, in the native format of what it holds.
        granule: bytes of the smallest access; a power of two. A shorter or unaligned run pays for
            whole granules.
        ports: accesses at once.
        bytes_per_cycle: of all ports together.
        cache: hardware decides what stays (least recently used goes first): of what is swept through again and
            again, nothing stays unless all of it fits.
    """

    size: int
    granule: int
    ports: int
    bytes_per_cycle: float
    cache: bool = False


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
