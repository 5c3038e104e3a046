"""A program without a machine's limits: every instruction starts as soon as what it reads is there.

Long regular loops are walked at their beginning and end only; ``rnncc.simulator.critical`` accounts for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from rnncc.cost import Cost, control_cycles
from rnncc.cost.vector import IN_UNITS
from rnncc.isa.instruction import Instruction
from rnncc.isa.types import ITEM_SIZES
from rnncc.simulator.footprint import Extents, overlap
from rnncc.simulator.movement import movement
from rnncc.simulator.recent import Recent
from rnncc.simulator.runs import Movement
from rnncc.simulator.shape import ENGINE_IDS, MEMORY_IDS, Shapes, Timed
from rnncc.simulator.structure import Loop
from rnncc.simulator.walker import Addresses, Sink, Walker

MATRIX, WMEM = ENGINE_IDS["matrix"], MEMORY_IDS["wmem"]
DMA, VECTOR = ENGINE_IDS["dma"], ENGINE_IDS["vector"]

LONG = 16
"""Iterations from which a loop is not walked whole."""

REMEMBERED = 256
"""Writes of a memory that readers look for; older ones are forgotten (which can only shorten chains)."""


@dataclass(eq=False)
class Part:
    """The first iterations of a loop that was not walked whole."""

    movement: Movement
    skipped: int


@dataclass(eq=False, slots=True)
class Event:
    """A moment of an instruction: its start or its end.

    Attributes:
        time: cycles.
        before: the event that decided the time.
        name: the same for the same event of another iteration: (instruction within the iteration, start or end).
        part: loop, when within its first iterations.
        index: iteration of that loop.
        moves: whether producer and consumer of a dependence on ``before`` move alike (True within one instruction).
        still: whether the producer does not move at all.
        moved: the transfers that it needs, directly or through others; one bit each.
    """

    time: int
    before: Event | None
    name: tuple[int, int]
    part: Part | None
    index: int
    moves: bool = True
    still: bool = True
    moved: int = 0


@dataclass(eq=False, slots=True)
class Write:
    """A result in memory: its bytes, the instruction that writes it on which engine, and when (``first``: after its
    start).
    """

    span: tuple[int, int, int, int]
    pc: int
    engine: int
    elements: int
    start: Event
    end: Event
    first: int


@dataclass
class Dataflow:
    """The sink that times the dependence graph."""

    instructions: tuple[Instruction, ...]
    shapes: Shapes
    writes: list[Recent[Write]] = field(
        default_factory=lambda: [Recent(REMEMBERED) for _ in MEMORY_IDS]
    )
    last: Event = field(default_factory=lambda: Event(0, None, (-1, 0), None, 0))
    floor: Event = field(default_factory=lambda: Event(0, None, (-1, 0), None, 0))
    part: Part | None = None
    index: int = 0
    ordinal: int = 0
    bits: dict[tuple[int, Addresses], int] = field(default_factory=dict)
    """The bit of each transfer: an instruction at its addresses."""
    costs: list[tuple[int, Cost]] = field(default_factory=list)
    """Its queue and its cycles."""

    def step(self, op: str) -> None:
        """Dispatch costs nothing here."""

    def read(self, pc: int, address: int) -> None:
        """Everything after an ``s.read`` waits for it."""
        instruction = self.instructions[pc]
        span = (address, address + ITEM_SIZES[instruction.types[0]], 0, 0)
        start = self._event(0, self.floor)
        memory = MEMORY_IDS[instruction.operands[0].memory]
        for write in self.writes[memory].touching(*span[:2]):
            if write.end.time > start.time and overlap(write.span, span):
                self._depend(start, write.end.time, write, write.end, (pc, 0))
                start.moved |= write.end.moved
        cycles = control_cycles(self.shapes.machine, "s.read")
        self.floor = self._event(1, start, cycles)
        self.floor.moved = start.moved
        self.ordinal += 1
        if self.floor.time > self.last.time:
            self.last = self.floor

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Time an engine's instruction from what it reads."""
        timed = self.shapes.of(pc, extents)
        start = self._event(0, self.floor)
        held: tuple[int, Write | None, int] = (0, None, 0)
        start.moved = ends = self.floor.moved
        spans = []
        # Asked once: the loop over what is read is the innermost.
        chains, bulk = self._chains, self.shapes.machine.sync.kind == "bulk"
        for place, (operand, address) in enumerate(zip(timed.operands, addresses, strict=True)):
            low, high, pitch, width = operand.shape
            low, high = low + address, high + address
            span = (low, high, pitch, width)
            spans.append(span)
            if not operand.reads or low == high:
                continue
            sums = operand.accumulates and timed.engine == MATRIX
            for write in self.writes[operand.memory].touching(low, high):
                if pitch and not overlap(write.span, span):
                    continue
                ends |= write.end.moved
                if sums and write.engine == MATRIX and write.span == span:
                    continue
                barrier = self._barrier(timed, write, place) if bulk else 0
                # What streams, or takes its weights first, may start before its producer's transfers are over.
                passed = chains and self._after_its_pass(timed, write)
                waits = barrier or passed or not (timed.streams or timed.cost.load)
                start.moved |= write.end.moved if waits else write.start.moved
                if barrier:
                    when, event = write.end.time + barrier, write.end
                elif passed:
                    when, event = write.end.time, write.end
                elif timed.streams:
                    when, event = write.start.time + write.first, write.start
                    if write.end.time > held[0]:
                        held = (write.end.time, write, place)
                else:
                    early = timed.cost.load if operand.memory != WMEM else 0
                    when, event = write.end.time - early, write.end
                if when > start.time:
                    self._depend(start, when, write, event, (pc, place))
        cost = timed.cost
        # In one pass through units in series, the consumer ends with its producer.
        joins = chains and held[1] is not None and held[1].engine == timed.engine == VECTOR
        last, tail = (cost.busy, 0) if joins else (cost.last, cost.tail)
        end = self._event(1, start, last)
        end.moved = start.moved | ends | self._transfer(timed, addresses)
        if held[1] is not None and held[0] + tail > end.time:
            self._depend(end, held[0] + tail, held[1], held[1].end, (pc, held[2]))
        self.ordinal += 1
        if end.time > self.last.time:
            self.last = end
        for operand, span in zip(timed.operands, spans, strict=True):
            if operand.writes and span[0] < span[1]:
                self.writes[operand.memory].replace(
                    Write(span, pc, timed.engine, timed.work.elements, start, end, cost.first)
                )

    @property
    def _chains(self) -> bool:
        return self.shapes.machine.vector.kind == "chain"

    def _after_its_pass(self, timed: Timed, write: Write) -> bool:
        """Whether an instruction cannot join its producer's chain, on a machine of chains, and so waits for its end."""
        if not timed.engine == write.engine == VECTOR:
            return False
        return timed.function not in IN_UNITS or timed.work.elements != write.elements

    def _barrier(self, timed: Timed, write: Write, place: int) -> int:
        """Cycles between a result's end and its use by another engine, on a bulk-synchronous machine; else 0."""
        sync = self.shapes.machine.sync
        if write.engine == timed.engine or DMA in (write.engine, timed.engine):
            return 0
        crossing = timed.work.accesses[place].nbytes
        return sync.cycles + (ceil(crossing / sync.bytes_per_cycle) if sync.bytes_per_cycle else 0)

    def _transfer(self, timed: Timed, addresses: Addresses) -> int:
        """The bit of a transfer; 0 for other instructions. The same one in a later iteration has the same bit."""
        if timed.engine != DMA:
            return 0
        key = (timed.pc, addresses)
        if key not in self.bits:
            self.bits[key] = 1 << len(self.bits)
            self.costs.append((timed.lane, timed.cost))
        return self.bits[key]

    def transfers(self, moved: int) -> int:
        """Cycles that the DMA engine needs for a set of transfers: a data path and channels side by side."""
        needed = [entry for n, entry in enumerate(self.costs) if moved >> n & 1]
        channels, longest = self.shapes.machine.dma.channels, 0
        for lane in {lane for lane, _ in needed}:
            costs = [cost for other, cost in needed if other == lane]
            path, busy = sum(c.shared for c in costs), sum(c.busy for c in costs)
            longest = max(longest, path, busy // channels)
        return longest

    def _event(self, which: int, before: Event, cycles: int = 0) -> Event:
        return Event(before.time + cycles, before, (self.ordinal, which), self.part, self.index)

    def _depend(
        self, event: Event, time: int, write: Write, before: Event, site: tuple[int, int]
    ) -> None:
        event.time, event.before = time, before
        if event.part is not None or before.part is not None:
            step = (event.part or before.part).movement.step  # type: ignore[union-attr]
            source = step.get((write.pc, 0), 0)
            event.still = source == 0
            event.moves = source == step.get(site, 0)

    def loop(self, walker: Walker, loop: Loop, count: int, sink: Sink) -> None:
        """Walk a loop, or its first and last iterations."""
        part, begin = None, count
        if self.part is None and count >= LONG:
            moves = movement(walker, loop, count)
            if moves is not None:
                begin = moves.start + max(8, 4 * moves.period + 2)
                rest = moves.end - moves.period - 2 - begin
                part = Part(moves, rest // moves.period * moves.period)
        if part is None or part.skipped <= 0:
            _iterations(walker, loop, range(count), sink)
            return
        for index in range(begin):
            self.part, self.index, self.ordinal = part, index, 0
            walker.iterate(loop, index, sink)
        self.part = None
        if part.movement.states:
            registers, walker.reads = part.movement.states[begin + part.skipped]
            walker.registers = list(registers)
        _iterations(walker, loop, range(begin + part.skipped, count), sink)


def _iterations(walker: Walker, loop: Loop, indices: range, sink: Sink) -> None:
    """Walk these iterations, or up to the one that leaves the loop."""
    for index in indices:
        if not walker.iterate(loop, index, sink):
            return
