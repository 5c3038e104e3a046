"""Exact extrapolation of loops.

The clockwork is a function of its own state, and shifting all its times and, for each operand, its addresses
shifts what it does next. So when the state at the end of an iteration equals an earlier one but for such a shift,
and every iteration still to come asks for the same as those between the two, the iterations in between repeat for
ever, and all whole periods left can be added at once. Two addresses that move differently could begin or cease to
overlap: where their remaining sweeps touch, the loop is simulated in full instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnncc.isa.table import INSTRUCTIONS
from rnncc.simulator.clockwork import Clockwork
from rnncc.simulator.footprint import Extents, footprints
from rnncc.simulator.live import Live
from rnncc.simulator.runs import Movement, Site
from rnncc.simulator.shape import MEMORY_IDS
from rnncc.simulator.structure import Loop
from rnncc.simulator.walker import Addresses, Walker

Key = tuple[object, ...]


def state(clock: Clockwork, step: dict[Site, int], turn: int) -> Key:
    """The clockwork's state relative to its clock, addresses relative to where the sites are at a turn.

    Args:
        clock: the machine.
        step: bytes that each site moves a turn.
        turn: turns (periods of the loop's control) so far.
    """
    now = clock.now

    def relative(lives: Sequence[Live]) -> tuple[object, ...]:
        return tuple(
            (
                live.pc,
                live.place,
                live.range[0] - turn * step.get((live.pc, live.place), 0),
                live.range[1] - live.range[0],
                live.range[2:],
                max(live.first - now, 0),
                live.done - now,
            )
            for live in lives
            if live.done > now
        )

    return (
        tuple(tuple(sorted(max(time - now, 0) for time in servers)) for servers in clock.free),
        tuple(max(time - now, 0) for time in clock.started),
        tuple(max(time - now, 0) for time in clock.path),
        tuple(tuple(max(time - now, 0) for time in queue) for queue in clock.queues),
        tuple(relative(lives) for lives in clock.writes),
        tuple(relative(lives) for lives in clock.reads),
        max(clock.swap - now, 0),
        clock.chain.state(now) if clock.chain else (),
        clock.supersteps.state(now, step, turn) if clock.supersteps else (),
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
    if clock.chain is not None:
        clock.chain.done += cycles
    if clock.supersteps is not None:
        clock.supersteps.advance(step, turns, cycles)
    for queue in clock.queues:
        for place, time in enumerate(queue):
            queue[place] = time + cycles
    for lives in (*clock.writes, *clock.reads):
        for live in lives:
            low, high, pitch, width = live.range
            moved = turns * step.get((live.pc, live.place), 0)
            live.range = (low + moved, high + moved, pitch, width)
            live.first += cycles
            live.done += cycles


class Sweeps:
    """A sink that bounds what each site touches in one turn, addresses relative to the turn's."""

    def __init__(self, walker: Walker, step: dict[Site, int]):
        self.instructions = walker.instructions
        self.step_of = step
        self.turn = 0
        self.bounds: dict[Site, tuple[int, bool, int, int]] = {}
        self.loads: list[tuple[int, Extents, Addresses]] = []
        """Loads of wmem from DRAM: instruction, extents, addresses."""

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Widen the sites of an instruction."""
        instruction = self.instructions[pc]
        specs = INSTRUCTIONS[instruction.op].operands
        if instruction.op == "dma" and [o.memory for o in instruction.operands] == ["wmem", "dram"]:
            self.loads.append((pc, extents, addresses))
        for place, shape in enumerate(footprints(instruction, extents)):
            if shape[0] == shape[1]:
                continue
            memory = MEMORY_IDS[instruction.operands[place].memory]
            self._widen(
                (pc, place),
                memory,
                specs[place].writes,
                addresses[place] + shape[0],
                shape[1] - shape[0],
            )

    def step(self, op: str) -> None:
        """Control instructions touch no memory."""

    def read(self, pc: int, address: int) -> None:
        """Widen the site of an ``s.read``."""
        memory = MEMORY_IDS[self.instructions[pc].operands[0].memory]
        self._widen((pc, 0), memory, False, address, 8)

    def _widen(self, site: Site, memory: int, writes: bool, low: int, size: int) -> None:
        low -= self.turn * self.step_of.get(site, 0)
        known = self.bounds.get(site)
        high = low + size
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


def sweep(walker: Walker, loop: Loop, movement: Movement, iterations: range) -> Sweeps:
    """What the sites of a loop touch in some of its iterations; the walker is left as it was."""
    saved = (list(walker.registers), walker.reads, walker.budget, walker.on_loop)
    walker.on_loop = None
    found = Sweeps(walker, movement.step)
    for index in iterations:
        found.turn = (index - movement.start) // movement.period
        if movement.states:
            registers, walker.reads = movement.states[index]
            walker.registers = list(registers)
        walker.iterate(loop, index, found)
    walker.registers, walker.reads, walker.budget, walker.on_loop = saved
    return found
