"""A program without a machine's limits: every instruction starts as soon as what it reads is there.

Long regular loops are walked at their beginning and end only; ``rnncc.simulator.critical`` accounts for the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from rnncc.cost import control_cycles
from rnncc.isa.instruction import Instruction
from rnncc.isa.types import ITEM_SIZES
from rnncc.simulator.arrivals import Transfers
from rnncc.simulator.events import Event, Latest, Part, Write
from rnncc.simulator.footprint import Extents, overlap
from rnncc.simulator.movement import movement
from rnncc.simulator.recent import Recent
from rnncc.simulator.recurrence import Known, Recurrence, Regular, regular
from rnncc.simulator.rules import Rules
from rnncc.simulator.shape import MEMORY_IDS, Shapes, Timed
from rnncc.simulator.structure import Loop
from rnncc.simulator.walker import Addresses, Sink, Walker

SHORT = 4
"""Iterations from which a loop's recurrences are looked at."""

LONG = 16
"""Iterations from which a loop is not walked whole."""

REMEMBERED = 256
"""Writes of a memory that readers look for; older ones are forgotten (which can only shorten chains)."""


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
    arrivals: bool = False
    """Whether results come after the transfers that they need, on the one DMA engine."""
    known: Sequence[Regular] | None = None
    """What holds in each loop, in the order of walking; None: it is looked for, and windows do not count."""
    found: list[Regular] = field(default_factory=list)
    """What holds in each loop walked so far."""
    whole: int = 0
    """Loops around, with windows: these count their instructions, so that loops inside are walked whole."""
    open: list[Recurrence] = field(default_factory=list)
    """Recurrences of the loops that are being walked."""
    loops: Known = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    """All events, none before what it comes after; with ``arrivals`` only, as ``issued``."""
    issued: list[tuple[Timed, Event, Event]] = field(default_factory=list)
    """Each instruction with its start and its end."""
    rules: Rules = field(init=False)
    transfers: Transfers = field(init=False)

    def __post_init__(self) -> None:
        self.rules = Rules(self.shapes.machine, self.shapes.all)
        self.transfers = Transfers(self.shapes.machine)

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
                start.after = (*start.after, (write.end, 0))
        cycles = control_cycles(self.shapes.machine, "s.read")
        self.floor = self._event(1, start, cycles)
        self.floor.moved = start.moved
        self.ordinal += 1
        if self.floor.time > self.last.time:
            self.last = self.floor

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Time an engine's instruction from what it reads."""
        timed = self.shapes.of(pc, extents)
        rules, arrivals = self.rules, self.arrivals
        start = self._event(0, self.floor)
        held: tuple[int, Write | None, int] = (0, None, 0)
        before: dict[int, tuple[Timed, int]] = {}
        after: list[tuple[Event, int]] = []
        along: list[Event] = []
        together: dict[Latest, dict[int, tuple[int, Write, int]]] = {}
        start.moved = ends = self.floor.moved
        spans, leaves = [], False
        for place, (operand, address) in enumerate(zip(timed.operands, addresses, strict=True)):
            low, high, pitch, width = operand.shape
            low, high = low + address, high + address
            span = (low, high, pitch, width)
            spans.append(span)
            if low == high:
                continue
            leaves |= operand.writes
            if not operand.reads:
                continue
            for write in self.writes[operand.memory].touching(low, high):
                if pitch and not overlap(write.span, span):
                    continue
                if arrivals:
                    ends |= write.end.moved
                if write.span == span and rules.adds(timed, place, write.timed):
                    continue
                arc = rules.arc(timed, place, write.timed)
                event = write.end if arc.ended else write.start
                when = event.time + arc.cycles
                if arrivals:
                    after.append((event, arc.cycles))
                    # What streams, or takes its weights first, may start before its producer's transfers are over.
                    start.moved |= (event if arc.cycles >= 0 else write.start).moved
                if arc.held:
                    along.append(write.end)
                    if rules.chains and rules.may_join(timed, write.timed):
                        before[id(write)] = write.timed, write.own
                    if write.end.time > held[0]:
                        held = (write.end.time, write, place)
                if when > start.time:
                    self._depend(start, when, write, event, (pc, place))
                    start.crosses = arc.crosses
                if write.latest and arc.ended:
                    for latest in write.latest:
                        together.setdefault(latest, {})[id(write)] = (arc.cycles, write, place)
        start.after = (*start.after, *after)
        for latest, read in together.items():
            if len(read) == latest.size:
                self._follow(start, pc, latest, list(read.values()))
        if start.moved:
            self._arrive(start)
        cost = timed.cost
        # In one pass through units in series, the consumer ends with its producer.
        own, joins = self._own(timed, before.values()) if rules.chains else (cost.last, False)
        last, tail = own, 0 if joins else cost.tail
        if not leaves:
            # What has no element leaves nothing behind that anybody would wait for.
            last = cost.busy
        end = self._event(1, start, last)
        if arrivals:
            end.after = (*end.after, *[(event, tail) for event in along])
            self.issued.append((timed, start, end))
            end.moved = start.moved | ends | self.transfers.bit(timed, addresses)
        if held[1] is not None and held[0] + tail > end.time:
            self._depend(end, held[0] + tail, held[1], held[1].end, (pc, held[2]))
        if end.moved:
            self._arrive(end)
        self.ordinal += 1
        if end.time > self.last.time:
            self.last = end
        written = []
        for operand, span in zip(timed.operands, spans, strict=True) if leaves else ():
            if operand.writes and span[0] < span[1]:
                written.append(Write(span, timed, start, end, own))
                self.writes[operand.memory].replace(written[-1])
        for recurrence in self.open:
            recurrence.note(start, end, written)

    def _own(self, timed: Timed, before: Collection[tuple[Timed, int]]) -> tuple[int, bool]:
        """Cycles that an instruction takes from its start to its end, and whether it may go on with a pass.

        Args:
            timed: the instruction.
            before: what may come right before it in the pass.
        """
        if self.part is None or not self.rules.joins(timed):
            return self.rules.own(timed, before), bool(before)
        # In other iterations it may join what it does not join here.
        known, joins = self.part.own, self.ordinal not in self.part.openers
        return known[self.ordinal] if known else self.rules.own(timed, None), joins

    def _follow(
        self, start: Event, pc: int, latest: Latest, read: list[tuple[int, Write, int]]
    ) -> None:
        """What reads all results of a turn of a recurrence follows the latest of them."""
        cycles, write, place = min(read, key=lambda one: one[0])
        start.after = (*start.after, (latest.event, cycles))
        start.moved |= latest.event.moved if cycles >= 0 else 0
        if latest.event.time + cycles <= start.time:
            return
        self._depend(start, latest.event.time + cycles, write, latest.event, (pc, place))
        for _, other, where in read:
            step = self.part.movement.step if self.part is not None else {}
            source = step.get((other.timed.pc, 0), 0)
            start.still &= source == 0
            start.moves &= source == step.get((pc, where), 0)

    def _turned(self, recurrence: Recurrence, index: int, part: Part | None) -> None:
        """An iteration of a loop is over: its recurrences have come a turn further."""
        for number, latest, before, cycles, moved, results in recurrence.turned(index):
            event = Event(latest.time, latest, (self.ordinal, 2 + number), part, self.index)
            event.moved = moved
            event.after = tuple((one, 0) for one in results)
            self.events.append(event)
            if before is not None:
                event.after = (*event.after, (before, cycles))
                event.moved |= before.moved
                if before.time + cycles > event.time:
                    event.time, event.before = before.time + cycles, before
            # Outside of the part that stands for all iterations, the windows have counted them.
            event.still = event.moves = part is not None
            if event.time > self.last.time:
                self.last = event
            recurrence.reached(index, number, event)

    def _arrive(self, event: Event) -> None:
        """An event comes after all transfers that it needs."""
        cycles = self.transfers.cycles(event.moved)
        if cycles > event.time:
            event.time, event.before = cycles, None

    def _event(self, which: int, before: Event, cycles: int = 0) -> Event:
        event = Event(before.time + cycles, before, (self.ordinal, which), self.part, self.index)
        if self.arrivals:
            event.after = ((before, cycles),)
            self.events.append(event)
        return event

    def _depend(
        self, event: Event, time: int, write: Write, before: Event, site: tuple[int, int]
    ) -> None:
        event.time, event.before = time, before
        if event.part is not None or before.part is not None:
            step = (event.part or before.part).movement.step  # type: ignore[union-attr]
            source = step.get((write.timed.pc, 0), 0)
            event.still = source == 0
            event.moves = source == step.get(site, 0)

    def loop(self, walker: Walker, loop: Loop, count: int, sink: Sink) -> None:
        """Walk a loop, or its first and last iterations."""
        moves = movement(walker, loop, count) if count >= SHORT else None
        if self.known is None:
            here = regular(walker, loop, moves, self.shapes, self.rules, self.loops)
        else:
            here = self.known[len(self.found)]
        self.found.append(here)
        recurrence = None
        if moves is not None and here.windows and self.known is not None:
            recurrence = Recurrence(moves, here.windows)
        part, begin = None, count
        if self.part is None and not self.whole and count >= LONG and moves is not None:
            begin = moves.start + max(8, 4 * moves.period + 2)
            rest = moves.end - moves.period - 2 - begin
            part = Part(moves, rest // moves.period * moves.period, here.openers, here.own)
        self.whole += here.whole
        if part is None or part.skipped <= 0:
            self._iterations(walker, loop, range(count), sink, recurrence)
        else:
            self._iterations(walker, loop, range(begin), sink, recurrence, part)
            if part.movement.states:
                registers, walker.reads = part.movement.states[begin + part.skipped]
                walker.registers = list(registers)
            last = range(begin + part.skipped, count)
            self._iterations(walker, loop, last, sink, recurrence)
        self.whole -= here.whole

    def _iterations(
        self,
        walker: Walker,
        loop: Loop,
        indices: range,
        sink: Sink,
        recurrence: Recurrence | None,
        part: Part | None = None,
    ) -> None:
        """Walk these iterations, or up to the one that leaves the loop.

        Args:
            part: what they are part of, when they stand for more.
        """
        inside = self.part
        for index in indices:
            if part is not None:
                self.part, self.index, self.ordinal = part, index, 0
            if recurrence is not None:
                self.open.append(recurrence)
            going = walker.iterate(loop, index, sink)
            self.part = inside
            if recurrence is not None:
                self.open.remove(recurrence)
                if going:
                    self._turned(recurrence, index, inside)
            if not going:
                return
