"""The critical path of a program: the longest chain of results that need one another.

Every instruction starts as soon as what it reads is there: no dispatch, no queues, as many engines as wanted,
only reads after writes, and the cost functions' latencies. Of a long regular loop the first and last iterations
are looked at; if the longest chain then runs through a cycle of dependences that carries on from iteration to
iteration at addresses that move together, it exists in every iteration, and the iterations left out add their
share. What is not proved to repeat is left out: the result is never more than the true longest chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from rnncc.cost import control_cycles
from rnncc.isa.instruction import Instruction
from rnncc.isa.types import ITEM_SIZES
from rnncc.simulator.footprint import Extents, overlap
from rnncc.simulator.movement import Movement, movement
from rnncc.simulator.shape import MEMORY_IDS, Shapes
from rnncc.simulator.structure import Body, Loop
from rnncc.simulator.values import MAX_INSTRUCTIONS
from rnncc.simulator.walker import Addresses, Halt, Sink, Walker

LONG = 16
"""Iterations from which a loop is not walked whole."""

REMEMBERED = 256
"""Writes of a memory that readers look for; older ones are forgotten (which can only shorten chains)."""


@dataclass(eq=False)
class _Part:
    """The first iterations of a loop that was not walked whole."""

    movement: Movement
    skipped: int


@dataclass(eq=False, slots=True)
class _Event:
    """A moment of an instruction: its start or its end.

    Attributes:
        time: cycles.
        before: the event that decided the time.
        name: the same for the same event of another iteration: (instruction within the iteration, start or end).
        part: loop, when within its first iterations.
        index: iteration of that loop.
        moves: whether producer and consumer of a dependence on ``before`` move alike (True within one instruction).
        still: whether the producer does not move at all.
    """

    time: int
    before: _Event | None
    name: tuple[int, int]
    part: _Part | None
    index: int
    moves: bool = True
    still: bool = True


@dataclass(eq=False, slots=True)
class _Write:
    span: tuple[int, int, int, int]
    pc: int
    start: _Event
    end: _Event
    first: int


@dataclass
class _Dataflow:
    """The sink that times the dependence graph."""

    instructions: tuple[Instruction, ...]
    shapes: Shapes
    writes: list[list[_Write]] = field(default_factory=lambda: [[], [], []])
    last: _Event = field(default_factory=lambda: _Event(0, None, (-1, 0), None, 0))
    floor: _Event = field(default_factory=lambda: _Event(0, None, (-1, 0), None, 0))
    part: _Part | None = None
    index: int = 0
    ordinal: int = 0

    def step(self, op: str) -> None:
        """Dispatch costs nothing here."""

    def read(self, pc: int, address: int) -> None:
        """Everything after an ``s.read`` waits for it."""
        instruction = self.instructions[pc]
        span = (address, address + ITEM_SIZES[instruction.types[0]], 0, 0)
        start = self._event(0, self.floor)
        for write in self.writes[MEMORY_IDS[instruction.operands[0].memory]]:
            if write.end.time > start.time and overlap(write.span, span):
                self._depend(start, write.end.time, write, write.end, (pc, 0))
        cycles = control_cycles(self.shapes.machine, "s.read")
        self.floor = self._event(1, start, cycles)
        self.ordinal += 1
        if self.floor.time > self.last.time:
            self.last = self.floor

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Time an engine's instruction from what it reads."""
        timed = self.shapes.of(pc, extents)
        start = self._event(0, self.floor)
        held: tuple[int, _Write | None, int] = (0, None, 0)
        spans = []
        for place, (operand, address) in enumerate(zip(timed.operands, addresses, strict=True)):
            low, high, pitch, width = operand.shape
            span = (low + address, high + address, pitch, width)
            spans.append(span)
            if not operand.reads or low == high:
                continue
            for write in self.writes[operand.memory]:
                if not overlap(write.span, span):
                    continue
                if timed.streams:
                    when, event = write.start.time + write.first, write.start
                    if write.end.time > held[0]:
                        held = (write.end.time, write, place)
                else:
                    when, event = write.end.time, write.end
                if when > start.time:
                    self._depend(start, when, write, event, (pc, place))
        cost = timed.cost
        end = self._event(1, start, cost.last)
        if held[1] is not None and held[0] + cost.tail > end.time:
            self._depend(end, held[0] + cost.tail, held[1], held[1].end, (pc, held[2]))
        self.ordinal += 1
        if end.time > self.last.time:
            self.last = end
        for operand, span in zip(timed.operands, spans, strict=True):
            if operand.writes and span[0] < span[1]:
                self._write(operand.memory, _Write(span, pc, start, end, cost.first))

    def _event(self, which: int, before: _Event, cycles: int = 0) -> _Event:
        return _Event(before.time + cycles, before, (self.ordinal, which), self.part, self.index)

    def _depend(
        self, event: _Event, time: int, write: _Write, before: _Event, site: tuple[int, int]
    ) -> None:
        event.time, event.before = time, before
        if event.part is not None or before.part is not None:
            step = (event.part or before.part).movement.step  # type: ignore[union-attr]
            source = step.get((write.pc, 0), 0)
            event.still = source == 0
            event.moves = source == step.get(site, 0)

    def _write(self, memory: int, new: _Write) -> None:
        low, high, pitch, _ = new.span
        writes = self.writes[memory]
        if not pitch:
            writes = [old for old in writes if old.span[0] < low or old.span[1] > high]
        writes.append(new)
        self.writes[memory] = writes[-REMEMBERED:]

    def loop(self, walker: Walker, loop: Loop, count: int, sink: Sink) -> None:
        """Walk a loop, or its first and last iterations."""
        part, begin = None, count
        if self.part is None and count >= LONG:
            moves = movement(walker, loop, count)
            if moves is not None:
                begin = moves.start + max(8, 4 * moves.period + 2)
                rest = moves.end - moves.period - 2 - begin
                part = _Part(moves, rest // moves.period * moves.period)
        if part is None or part.skipped <= 0:
            for index in range(count):
                walker.iterate(loop, index, sink)
            return
        for index in range(begin):
            self.part, self.index, self.ordinal = part, index, 0
            walker.iterate(loop, index, sink)
        self.part = None
        if part.movement.states:
            registers, walker.reads = part.movement.states[begin + part.skipped]
            walker.registers = list(registers)
        for index in range(begin + part.skipped, count):
            walker.iterate(loop, index, sink)


def critical_path(
    shapes: Shapes,
    body: Body,
    registers: Mapping[int, int],
    trace: Sequence[int],
) -> int:
    """Cycles of the longest chain of dependent results, or fewer where repetition cannot be proved.

    Args:
        shapes: the program on its machine.
        body: its loop tree.
        registers: register -> value at the start.
        trace: what each ``s.read`` reads.
    """
    flow = _Dataflow(shapes.instructions, shapes)
    walker = Walker(shapes.instructions, dict(registers), trace, MAX_INSTRUCTIONS)
    walker.on_loop = flow.loop
    with suppress(Halt):
        walker.body(body, flow)
    path: list[_Event] = []
    event: _Event | None = flow.last
    while event is not None:
        path.append(event)
        event = event.before
    path.reverse()
    return flow.last.time + sum(_repeated(path, part) for part in {e.part for e in path if e.part})


def _repeated(path: list[_Event], part: _Part) -> int:
    """Cycles that the skipped iterations of a loop add to a path through its first ones."""
    places = [place for place, event in enumerate(path) if event.part is part]
    after = places[-1] + 1
    if after < len(path) and not path[after].still:
        return 0
    best = 0
    seen: dict[tuple[int, int], list[_Event]] = {}
    # Backwards from where the path leaves the loop, as long as every dependence carries on.
    for place in reversed(places):
        event = path[place]
        for later in seen.get(event.name, ()):
            distance = later.index - event.index
            if distance > 0 and distance % part.movement.period == 0:
                times = part.skipped // distance
                best = max(best, times * (later.time - event.time))
        seen.setdefault(event.name, []).append(event)
        if not event.moves or event.index < part.movement.start:
            break
    return best
