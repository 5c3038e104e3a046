"""Exact extrapolation of loops.

The clockwork is a function of its own state, and shifting all its times and, for each operand, its addresses
shifts what it does next. So when the state at the end of an iteration equals an earlier one but for such a shift,
and every iteration still to come asks for the same as those between the two, the iterations in between repeat for
ever, and all whole periods left can be added at once. Two addresses that move differently could begin or cease to
overlap: where their remaining sweeps touch, the loop is simulated in full instead.
"""

from __future__ import annotations

import numpy as np

from rnncc.simulator.clockwork import Clockwork
from rnncc.simulator.footprint import Extents
from rnncc.simulator.live import Live, remember
from rnncc.simulator.runs import Movement, Site
from rnncc.simulator.shape import MEMORY_IDS, Shapes, Timed
from rnncc.simulator.structure import Loop
from rnncc.simulator.walker import Addresses, Walker

Key = tuple[object, ...]


class State:
    """The clockwork's state relative to its clock, addresses relative to where the sites are at a turn.

    Two states of one loop are equal when the machine goes on alike from both. Its accesses, which are many, are
    looked at only where all its times are those of another state.

    Args:
        clock: the machine.
        step: bytes that each site moves a turn.
        turn: turns (periods of the loop's control) so far.
    """

    __slots__ = ("_accesses", "_fresh", "_lives", "_now", "_step", "_times", "_turn")

    def __init__(self, clock: Clockwork, step: dict[Site, int], turn: int):
        self._now, self._step, self._turn = clock.now, step, turn
        self._times = _times(clock)
        self._lives = [list(lives.values()) for lives in (*clock.writes, *clock.reads)]
        self._fresh = list(clock.supersteps.fresh.items()) if clock.supersteps else []
        self._accesses: Key | None = None

    def __hash__(self) -> int:
        return hash(self._times)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, State)
            and self._times == other._times
            and self._relative() == other._relative()
        )

    def _relative(self) -> Key:
        """The accesses in flight and the superstep's writes."""
        if self._accesses is None:
            now, turn, step = self._now, self._turn, self._step
            lives = tuple(
                tuple(
                    (
                        live.pc,
                        live.place,
                        live.range[0] - turn * step.get((live.pc, live.place), 0),
                        live.range[1] - live.range[0],
                        live.range[2:],
                        max(live.first - now, 0),
                        live.done - now,
                    )
                    for live in some
                    if live.done > now
                )
                for some in self._lives
            )
            fresh = tuple(
                (engine, site, memory, low - turn * step.get(site, 0), high - low, *blocks)
                for (engine, memory, (low, high, *blocks)), site in self._fresh
            )
            self._accesses = (lives, fresh)
        return self._accesses


def _times(clock: Clockwork) -> Key:
    now, bulk = clock.now, clock.supersteps
    return (
        tuple(tuple(sorted(max(time - now, 0) for time in servers)) for servers in clock.free),
        tuple(max(time - now, 0) for time in clock.started),
        tuple(max(time - now, 0) for time in clock.path),
        # A queue's times ascend, and those that are over are all the same.
        tuple(
            tuple([time - now for time in queue if time > now]) if queue[-1] > now else ()
            for queue in clock.queues
        ),
        max(clock.swap - now, 0),
        clock.chain.state(now) if clock.chain else (),
        (max(bulk.begin - now, 0), max(bulk.end - now, 0)) if bulk else (),
    )


def advance(clock: Clockwork, step: dict[Site, int], turns: int, cycles: int) -> None:
    """Shift the whole state by cycles and every live access by its site's movement.

    Args:
        clock: the machine.
        step: bytes that each site moves a turn.
        turns: turns to go forward.
        cycles: what they take.
    """
    clock.now += cycles
    clock.free = [[time + cycles for time in servers] for servers in clock.free]
    clock.started = [time + cycles for time in clock.started]
    clock.path = [time + cycles for time in clock.path]
    clock.swap += cycles
    if clock.supersteps is not None:
        clock.supersteps.advance(step, turns, cycles)
    for queue in clock.queues:
        for place, time in enumerate(queue):
            queue[place] = time + cycles
    # Earlier states still hold the accesses as they are: these are new ones.
    moved: dict[Live, Live] = {}
    for memories in (clock.writes, clock.reads):
        for memory, lives in enumerate(memories):
            memories[memory] = {}
            for live in lives.values():
                moved[live] = live.moved(turns * step.get((live.pc, live.place), 0), cycles)
                remember(memories[memory], moved[live])
    if clock.chain is not None:
        clock.chain.advance(cycles, moved)


class Sweeps:
    """A sink that bounds what each site touches in one turn, addresses relative to the turn's."""

    def __init__(self, shapes: Shapes, step: dict[Site, int]):
        self.instructions = shapes.instructions
        self.shapes = shapes
        self.step_of = step
        self.turn = 0
        self.bounds: dict[Site, tuple[int, bool, int, int]] = {}
        self.loads: list[tuple[Timed, Addresses]] = []
        """Loads of wmem from DRAM, and their addresses."""

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Widen the sites of an instruction."""
        timed = self.shapes.of(pc, extents)
        if timed.loads:
            self.loads.append((timed, addresses))
        for place, operand in enumerate(timed.operands):
            low, high = operand.shape[:2]
            if low < high:
                base = addresses[place]
                self._widen((pc, place), operand.memory, operand.writes, low + base, high + base)

    def step(self, op: str) -> None:
        """Control instructions touch no memory."""

    def read(self, pc: int, address: int) -> None:
        """Widen the site of an ``s.read``."""
        memory = MEMORY_IDS[self.instructions[pc].operands[0].memory]
        self._widen((pc, 0), memory, False, address, address + 8)

    def _widen(self, site: Site, memory: int, writes: bool, low: int, high: int) -> None:
        moved = self.turn * self.step_of.get(site, 0)
        low, high = low - moved, high - moved
        known = self.bounds.get(site)
        if known is not None:
            low, high = min(low, known[2]), max(high, known[3])
        self.bounds[site] = (memory, writes, low, high)


def stays_apart(sweeps: Sweeps, first: int, last: int) -> bool:
    """Whether no two sites of a loop that move differently can touch the same bytes from one turn to another.

    Args:
        sweeps: what each site touches in a turn, relative to it.
        first, last: the turns to consider, inclusive.
    """
    if not sweeps.bounds:
        return True
    rows = [
        (
            memory,
            writes,
            low + min(first * step, last * step),
            high + max(first * step, last * step),
            step,
        )
        for site, (memory, writes, low, high) in sweeps.bounds.items()
        for step in (sweeps.step_of.get(site, 0),)
    ]
    memory, writes, low, high, step = (np.array(column) for column in zip(*rows, strict=True))
    clash = (
        (memory[:, None] == memory)
        & (writes[:, None] | writes)
        & (step[:, None] != step)
        & (low[:, None] < high)
        & (low < high[:, None])
    )
    return not clash.any()


def sweep(
    shapes: Shapes, walker: Walker, loop: Loop, movement: Movement, iterations: range
) -> Sweeps:
    """What the sites of a loop touch in some of its iterations; the walker is left as it was."""
    saved = (list(walker.registers), walker.reads, walker.budget, walker.on_loop)
    walker.on_loop = None
    found = Sweeps(shapes, movement.step)
    for index in iterations:
        found.turn = (index - movement.start) // movement.period
        if movement.states:
            registers, walker.reads = movement.states[index]
            walker.registers = list(registers)
        walker.iterate(loop, index, found)
    walker.registers, walker.reads, walker.budget, walker.on_loop = saved
    return found
