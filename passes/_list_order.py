"""List scheduling of one block: the order in which a single in-order dispatcher should issue.

Among the operations whose predecessors are issued, take the one that can start first; of equals
the one with the longest latency-weighted path to the end of the block. An operation that would
make more on-chip memory live than there is waits.
Source: Graham's list scheduling with critical-path priorities (Gibbons and Muchnick 1986).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from rnncc.machine import MachineDescription
from rnncc.passes._dependence import Node
from rnncc.passes._issue_clock import IssueClock, backward, priorities
from rnncc.passes._op_cost import OpCost
from rnncc.passes._pressure import Pressure

TRIES = 24
"""Perturbed priorities that are tried for a block."""
EFFORT = 1000
"""Operations that are ordered by perturbed priorities, in all tries together."""
SPREAD = 0.8
"""How far chance moves a priority, as a share of it."""
WINDOW = 48
"""Ready operations, by priority, that are compared at each step: keeps the time linear."""

Choice = Callable[[Sequence[tuple[int, int]], IssueClock, Pressure], int]
"""Which of the ready nodes is next: its place."""


@dataclass(frozen=True, slots=True)
class Order:
    """The chosen order and the cycles that it is expected to take."""

    numbers: list[int]
    cycles: int


def list_order(
    graph: Sequence[Node], costs: Sequence[OpCost], pressure: Pressure, machine: MachineDescription
) -> Order:
    """Order the nodes of a block.

    Orders are weighed by the cycles they are expected to take: by critical path, by a
    backward schedule (it knows that a short load on the way to much work must go before a long
    one that is needed later), and the original one; on a bulk-synchronous machine also by critical
    path with the vector engine's work as late as can be, as a load of weights behind it is a barrier
    more. In a block without loops, and unless that is known to be the best there is, also by critical
    paths that chance has changed, some with patience: what starts a little later may then go first.

    Args:
        graph: the dependence graph.
        costs: the cost of each node.
        pressure: on-chip memory that becomes live as nodes are issued.
        machine: the machine.
    """
    best: Order | None = None
    longest = priorities(graph, costs)
    ways: list[tuple[list[int], Choice]] = [
        (longest, partial(_choose, 0)),
        (backward(graph, costs), partial(_choose, 0)),
        ([0] * len(graph), _first),
    ]
    if machine.sync.kind == "bulk":
        above = 1 + max(longest, default=0)
        late = [p - above * (c.engine == "vector") for p, c in zip(longest, costs, strict=True)]
        ways.append((late, _first_that_fits))
    if not any(spent.inside for spent in costs):
        # Of loops inside, too little is known for small differences to mean something.
        ways += [(paths, partial(_choose, patience)) for paths, patience in perturbed(longest)]
    least = _least(longest, costs, machine)
    for priority, choice in ways:
        if best is not None and best.cycles <= least:
            break
        pressure.reset()
        clock = IssueClock(graph, costs, machine)
        waiting = [len(node.preds) for node in graph]
        ranks = [-n for n in priority]
        ready = sorted((ranks[n], n) for n, count in enumerate(waiting) if count == 0)
        numbers: list[int] = []
        while ready:
            _, chosen = ready.pop(choice(ready, clock, pressure))
            numbers.append(chosen)
            pressure.issue(chosen)
            clock.issue(chosen)
            for later in graph[chosen].succs:
                waiting[later] -= 1
                if waiting[later] == 0:
                    insort(ready, (ranks[later], later))
        if best is None or clock.cycles < best.cycles:
            best = Order(numbers, clock.cycles)
    assert best is not None
    return best


def _least(paths: Sequence[int], costs: Sequence[OpCost], machine: MachineDescription) -> int:
    """Cycles that no order is faster than: the longest path, behind its dispatch."""
    kept = any(spent.engine == "control" for spent in costs)
    return max(paths, default=0) + (0 if kept else machine.control.dispatch_cycles)


def perturbed(paths: Sequence[int], effort: int = EFFORT) -> Iterator[tuple[list[int], int]]:
    """Priorities near the given ones, and for how many cycles they go before an earlier start.

    Fewer the more there are, `effort` in all; the same each time.
    """
    chance, longest = Random(0), max(paths, default=0)
    for number in range(min(TRIES, effort // max(1, len(paths)))):
        priority = [int(path * chance.uniform(1 - SPREAD, 1 + SPREAD)) for path in paths]
        # From a thousandth to a tenth of the block; none every other time.
        yield priority, int(longest * 10 ** -chance.uniform(1, 3)) * (number % 2)


def _first(ready: Sequence[tuple[int, int]], clock: IssueClock, pressure: Pressure) -> int:
    """Place of the first ready node by priority."""
    return 0


def _first_that_fits(
    ready: Sequence[tuple[int, int]], clock: IssueClock, pressure: Pressure
) -> int:
    """Place of the first ready node by priority within the memory."""
    fitting = (n for n, (_, number) in enumerate(ready[:WINDOW]) if pressure.fits(number))
    place = next(fitting, None)
    return _earliest_written(ready) if place is None else place


def _earliest_written(ready: Sequence[tuple[int, int]]) -> int:
    """When nothing fits, the original order frees memory as early as the program can."""
    return min(range(len(ready)), key=lambda place: ready[place][1])


def choose(starts: Sequence[int], patience: int) -> int:
    """The first place whose start is at most so many cycles behind the earliest."""
    limit = min(starts) + patience
    return next(place for place, start in enumerate(starts) if start <= limit)


def _choose(
    patience: int, ready: Sequence[tuple[int, int]], clock: IssueClock, pressure: Pressure
) -> int:
    """Place of the ready node that starts first, of equals the first by priority; within the memory."""
    places, starts = [], []
    for place, (_, number) in enumerate(ready[:WINDOW]):
        if not pressure.fits(number):
            continue
        start = clock.wanted(clock.costs[number], clock.start(number))
        places.append(place)
        starts.append(max(start, clock.clock))
        if start <= clock.clock:
            break  # nothing starts earlier than now
    return places[choose(starts, patience)] if places else _earliest_written(ready)
