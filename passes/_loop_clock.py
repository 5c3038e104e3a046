"""What a loop's turn takes when it repeats: the engines run over turn after turn.

The machine of `_engine_clock`, and besides the dependences within a turn, what one turn leaves to
the next.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rnncc.machine import MachineDescription
from rnncc.passes._engine_clock import EngineClock
from rnncc.passes._issue_clock import latency
from rnncc.passes._loop_graph import Edge
from rnncc.passes._op_cost import OpCost
from rnncc.passes._superstep_clock import crosses

TURNS = 24
"""Turns that are run to see a loop settle; the later half of them is measured."""
LONG = 200
"""Operations in a turn beyond which half as many turns are run."""


@dataclass(frozen=True)
class Kernel:
    """A loop's body with its operations spread over two stages.

    Stage 0 runs `ahead` turns before stage 1: operation n of turn t is issued in turn
    ``t + ahead * stages[n]`` of the kernel.
    """

    costs: Sequence[OpCost]
    edges: Sequence[Edge]
    stages: Sequence[int]
    machine: MachineDescription
    scalars: int = 0
    """Scalar instructions in a turn."""
    ahead: int = 1
    """Turns from the early stage to the late one."""

    def gap(self, edge: Edge) -> int:
        """Turns of the kernel between the ends of an edge; legal from 0 on."""
        return edge.distance + self.later_by(edge.before, edge.later)

    def later_by(self, before: int, later: int) -> int:
        """Turns of the kernel by which an operation runs later than another of its turn."""
        return self.ahead * (self.stages[later] - self.stages[before])

    def arcs(self) -> list[tuple[int, int, int, int]]:
        """The dependences as (before, later, cycles between their starts, turns between them)."""
        return [
            (e.before, e.later, latency(self.costs[e.before], self.costs[e.later], e.needs), e.distance)
            for e in self.edges
        ]  # fmt: skip

    def waits(self) -> list[list[tuple[int, int, int]]]:
        """For each operation what it waits for: (operation, turns of the kernel ago, cycles from its start)."""
        found: list[list[tuple[int, int, int]]] = [[] for _ in self.costs]
        for before, later, cycles, turns in self.arcs():
            found[later].append((before, turns + self.later_by(before, later), cycles))
        return found


class LoopClock(EngineClock):
    """Times of the operations issued so far, over all turns of a kernel."""

    def __init__(self, kernel: Kernel):
        super().__init__(kernel.machine)
        self.costs, control = kernel.costs, kernel.machine.control
        self.each_turn = control.loop_cycles + kernel.scalars * control.dispatch_cycles
        self.waits = kernel.waits()
        self.keep = 1 + max((gap for waits in self.waits for _, gap, _ in waits), default=0)
        self.starts: deque[list[int]] = deque([[0] * len(self.costs)], maxlen=self.keep)
        self.steps: deque[list[int]] = deque([[-1] * len(self.costs)], maxlen=self.keep)
        """Supersteps, turn by turn."""
        self.handed = _handed(kernel) if self.supersteps.bulk else []
        self.turn = 0
        self.linked = (-1, -1)
        """Turn and number of the last operation that is an instruction of a chain."""
        self.feeds = [
            {(edge.before, kernel.gap(edge)) for edge in edges if edge.needs}
            for edges in _into(kernel)
        ]

    def start(self, number: int) -> int:
        """When an operation could start if it was issued now."""
        start = self.earliest(self.costs[number], self._joins(number))
        for before, gap, cycles in self.waits[number]:
            if gap <= self.turn:
                start = max(start, self.starts[-1 - gap][before] + cycles)
        if self.supersteps.bulk:
            start = max(start, self.supersteps.earliest(self.costs[number], self._crosses(number)))
        return start

    def _crosses(self, number: int) -> bool:
        """Whether an operation needs what the other engine wrote in this superstep."""
        now = self.supersteps.number
        return any(
            gap <= self.turn and self.steps[-1 - gap][before] == now
            for before, gap in self.handed[number]
        )

    def remembers(self) -> int:
        """Turns after which nothing of a turn decides what is to come; more than there are, where barriers decide."""
        if self.supersteps.bulk:
            return 2 * TURNS
        issued = Counter(spent.lane or spent.engine for spent in self.costs)
        queued = [ceil(queue.maxlen / issued[lane]) for lane, queue in self.queues.items()
                  if issued[lane] and queue.maxlen]  # fmt: skip
        channels = [
            ceil(len(free) / issued[lane]) for lane, free in self.channels.items() if issued[lane]
        ]
        return self.keep + max([1, *queued, *channels])

    def _joins(self, number: int) -> bool:
        if self.costs[number].link is None:
            return False
        turn, last = self.linked
        return (last, self.turn - turn) in self.feeds[number] and self.joins(self.costs[number])

    def issue(self, number: int) -> None:
        """Issue an operation of the current turn."""
        start, spent = self.start(number), self.costs[number]
        crossing = self.supersteps.bulk and self._crosses(number)
        start += self.take(spent, start, self._joins(number))
        self.starts[-1][number] = start
        if self.supersteps.bulk:
            self.supersteps.take(spent, crossing, start + spent.last)
            self.steps[-1][number] = self.supersteps.number
        if spent.link is not None:
            self.linked = (self.turn, number)

    def next_turn(self) -> None:
        """The dispatcher goes back to the start of the body."""
        self.clock += self.each_turn
        self.starts.append([0] * len(self.costs))
        self.steps.append([-1] * len(self.costs))
        self.turn += 1


def _into(kernel: Kernel) -> list[list[Edge]]:
    """The edges into each operation of a ``chain`` vector engine."""
    found: list[list[Edge]] = [[] for _ in kernel.costs]
    for edge in kernel.edges:
        if kernel.costs[edge.later].link is not None:
            found[edge.later].append(edge)
    return found


def _handed(kernel: Kernel) -> list[set[tuple[int, int]]]:
    """For each operation those whose results reach it at a barrier: (operation, turns of the kernel ago)."""
    found: list[set[tuple[int, int]]] = [set() for _ in kernel.costs]
    for edge in kernel.edges:
        if edge.needs and crosses(kernel.costs[edge.before], kernel.costs[edge.later]):
            found[edge.later].add((edge.before, kernel.gap(edge)))
    return found


def settled(kernel: Kernel, order: Sequence[int]) -> float:
    """Cycles from turn to turn of an order, once it has settled."""
    clock = LoopClock(kernel)
    turns = TURNS if len(order) <= LONG else TURNS // 2
    same, enough, last, before = 0, clock.remembers(), (), 0
    half = 0
    for turn in range(turns):
        begin = clock.clock
        for number in order:
            clock.issue(number)
        # Seen from the dispatcher, a turn is like the one before it when all starts are.
        now = (begin - before, *[start - begin for start in clock.starts[-1]])
        same = same + 1 if now == last else 0
        if same >= enough:
            return begin - before
        last, before = now, begin
        clock.next_turn()
        if turn + 1 == turns // 2:
            half = max(clock.end, clock.clock)
    return (max(clock.end, clock.clock) - half) / (turns - turns // 2)
