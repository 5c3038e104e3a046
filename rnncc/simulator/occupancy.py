"""The shortest time in which one engine can do some of the work between two moments.

What an engine does for a result cannot begin before the operands are there (a head) and is followed by what else the
result needs (a tail). For any part of the work, the smallest head, all its cycles on the engine, and the smallest tail
follow one another: the one-machine relaxation of a schedule (Jackson, 1955; Carlier, 1982). The parts that can be
largest are those whose heads and tails are at least some values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil
from typing import NamedTuple, TypeVar

from rnncc.cost.vector import IN_UNITS
from rnncc.machine.description import MachineDescription, VectorEngine
from rnncc.simulator.shape import Timed

NEVER = -(1 << 60)
"""Cycles of a path that is not there, or for no work."""


class Job(NamedTuple):
    """Work of an engine that takes one at a time.

    Attributes:
        head: cycles before it can begin.
        cycles: of the engine.
        tail: cycles that follow its end; negative when the next moment does not wait for the end.
    """

    head: int
    cycles: int
    tail: int


@dataclass(frozen=True, slots=True)
class Link:
    """A vector instruction of a ``chain`` engine.

    Attributes:
        head: cycles before the pass that it is in can begin.
        tail: cycles that follow its end.
        elements: of the instruction.
        function: its class.
        cycles: of a pass of its own.
        opens: no other instruction can be before it in its pass.
    """

    head: int
    tail: int
    elements: int
    function: str
    cycles: int
    opens: bool


def one_machine(jobs: Sequence[Job]) -> int:
    """Cycles that the jobs need from the moment that their heads count from to the one their tails lead to.

    The largest of all parts is what the engine needs if it may interrupt jobs and always takes the one with the
    longest tail (Jackson's schedule).
    """
    waiting: list[tuple[int, int]] = []
    coming = sorted(jobs, key=lambda job: -job.head)
    longest, now = NEVER, 0
    while waiting or coming:
        if not waiting:
            now = coming[-1].head
        while coming and coming[-1].head <= now:
            job = coming.pop()
            heappush(waiting, (-job.tail, job.cycles))
        tail, cycles = heappop(waiting)
        step = min(cycles, coming[-1].head - now) if coming else cycles
        now += step
        if step < cycles:
            heappush(waiting, (tail, cycles - step))
        else:
            longest = max(longest, now - tail)
    return longest


def passes(links: Sequence[Link], engine: VectorEngine) -> int:
    """As ``one_machine``, for passes that several instructions share.

    Args:
        links: the instructions.
        engine: of kind ``chain``.
    """
    longest = NEVER
    for head, chosen in _parts(links):
        count = Passes(engine)
        for link in chosen:
            count.add(link)
            longest = max(longest, head + count.cycles + link.tail)
    return longest


Work = TypeVar("Work", Job, Link)


def _parts(work: Sequence[Work]) -> Iterator[tuple[int, Iterable[Work]]]:
    """For each head, what has at least that, longest tails first."""
    by_tail = sorted(work, key=lambda one: -one.tail)
    for head in sorted({one.head for one in work}):
        yield head, (one for one in by_tail if one.head >= head)


def pass_cost(machine: MachineDescription, timed: Timed) -> int:
    """Cycles of a pass that an instruction begins, whatever else is in it."""
    if timed.function not in IN_UNITS:
        return timed.cost.last
    through = max(ceil(timed.work.elements / machine.vector.pace), 1)
    return through + machine.vector.pass_cycles


class Passes:
    """The fewest passes that instructions need, and their cycles.

    One takes instructions on equally many elements, of each class as many as there are units; each instruction but
    the first reads the one before it, so that those that cannot each begin one. What no unit does has its own.

    Args:
        engine: of kind ``chain``.

    Attributes:
        cycles: of all passes.
    """

    def __init__(self, engine: VectorEngine):
        self.units = engine.units
        self.cycles = 0
        self._used: Counter[tuple[int, str]] = Counter()
        self._opened: Counter[int] = Counter()
        self._needed: Counter[int] = Counter()

    def add(self, link: Link, times: int = 1) -> None:
        """One more instruction, or so many of a kind."""
        if link.function not in IN_UNITS:
            self.cycles += times * link.cycles
            return
        self._used[link.elements, link.function] += times
        self._opened[link.elements] += times if link.opens else 0
        needed = max(
            ceil(self._used[link.elements, link.function] / self.units),
            self._opened[link.elements],
        )
        more = needed - self._needed[link.elements]
        if more > 0:
            self._needed[link.elements] = needed
            self.cycles += more * link.cycles
