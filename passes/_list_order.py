"""List scheduling of one block: the order in which a single in-order dispatcher should issue.

Among the operations whose predecessors are issued, take the one that can start first; of equals
the one with the longest latency-weighted path to the end of the block. An operation that would
make more on-chip memory live than there is waits.
Source: Graham's list scheduling with critical-path priorities (Gibbons and Muchnick 1986).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from rnncc.machine import MachineDescription
from rnncc.passes._dependence import Node
from rnncc.passes._issue_clock import IssueClock, backward, priorities
from rnncc.passes._op_cost import OpCost
from rnncc.passes._pressure import Pressure

WINDOW = 48
"""Ready operations, by priority, that are compared at each step: keeps the time linear."""


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
    more.

    Args:
        graph: the dependence graph.
        costs: the cost of each node.
        pressure: on-chip memory that becomes live as nodes are issued.
        machine: the machine.
    """
    best: Order | None = None
    longest = priorities(graph, costs)
    ways = [(longest, _choose), (backward(graph, costs), _choose), ([0] * len(graph), _first)]
    if machine.sync.kind == "bulk":
        above = 1 + max(longest, default=0)
        late = [p - above * (c.engine == "vector") for p, c in zip(longest, costs, strict=True)]
        ways.append((late, _first_that_fits))
    for priority, choose in ways:
        pressure.reset()
        clock = IssueClock(graph, costs, machine)
        waiting = [len(node.preds) for node in graph]
        ranks = [-n for n in priority]
        ready = sorted((ranks[n], n) for n, count in enumerate(waiting) if count == 0)
        numbers: list[int] = []
        while ready:
            _, chosen = ready.pop(choose(ready, clock, pressure))
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


def _choose(ready: Sequence[tuple[int, int]], clock: IssueClock, pressure: Pressure) -> int:
    """Place of the ready node that starts first, of equals the first by priority; within the memory."""
    best, best_start = -1, 0
    for place, (_, number) in enumerate(ready[:WINDOW]):
        if not pressure.fits(number):
            continue
        start = clock.wanted(clock.costs[number], clock.start(number))
        if best < 0 or start < best_start:
            best, best_start = place, start
            if start <= clock.clock:
                break  # nothing starts earlier than now
    return best if best >= 0 else _earliest_written(ready)
