"""The smallest number of cycles in which turns of a loop can follow one another.

Sources: Rau, "Iterative modulo scheduling" (1994): resource and recurrence minimum initiation
interval. The recurrence bound is the largest ratio of latency to turns over the cycles of the
dependence graph, found by bisection over Bellman-Ford tests for a positive cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rnncc.passes._engine_clock import LANES
from rnncc.passes._loop_clock import Kernel
from rnncc.passes._op_cost import OpCost

BINDS = {
    "dispatch": "dispatch binds",
    "writes": "writes to DRAM bind",
    "local": "copies within the chip bind",
    "from host": "inputs from the host bind",
    "to host": "outputs to the host bind",
}
"""Resources that are not called after an engine, in words."""


@dataclass(frozen=True)
class Interval:
    """Lower bounds of a loop's initiation interval, in cycles.

    Attributes:
        engine: cycles of the busiest engine, or of the dispatcher.
        resource: its name: ``dispatch``, or that of a queue.
        recurrence: cycles that a turn must wait for earlier ones.
    """

    engine: int
    resource: str
    recurrence: int

    @property
    def cycles(self) -> int:
        """The minimum initiation interval."""
        return max(self.engine, self.recurrence, 1)

    @property
    def binds(self) -> str:
        """What decides it, in words."""
        if self.recurrence >= self.engine:
            return "the recurrence binds"
        return BINDS.get(self.resource, f"the {self.resource} engine binds")


def minimum_interval(kernel: Kernel) -> Interval:
    """The bounds of a kernel; its stages do not matter."""
    control, costs = kernel.machine.control, kernel.costs
    used = dict.fromkeys(LANES, 0)
    dispatch = control.loop_cycles + kernel.scalars * control.dispatch_cycles
    for spent in costs:
        if spent.engine == "control":
            dispatch += spent.busy
        else:
            used[spent.lane or spent.engine] += spent.taken
            dispatch += control.dispatch_cycles
    used["dispatch"] = dispatch
    used["vector"] = max(used["vector"], chained_interval(costs))
    resource = max(used, key=lambda name: used[name])
    return Interval(used[resource], resource, recurrence_interval(kernel))


def chained_interval(costs: Sequence[OpCost]) -> int:
    """Cycles of the passes that a turn takes at least through a ``chain`` vector engine; 0 for others.

    All instructions of a pass have as many elements, and so many of a class as there are units.
    """
    alone = 0
    sharing: dict[int, list[OpCost]] = {}
    for spent in costs:
        if spent.link is not None and spent.link.units:
            sharing.setdefault(spent.link.elements, []).append(spent)
        elif spent.link is not None:
            alone += spent.last
    for group in sharing.values():
        each = Counter(spent.link for spent in group)
        passes = max(ceil(count / link.units) for link, count in each.items() if link is not None)
        alone += passes * min(spent.last for spent in group)
    return alone


def recurrence_interval(kernel: Kernel) -> int:
    """The smallest interval for which no cycle of dependences asks for more, rounded down by a thousandth at most."""
    tightest: dict[tuple[int, int, int], int] = {}
    for before, later, cycles, turns in kernel.arcs():
        key = (before, later, turns)
        tightest[key] = max(cycles, tightest.get(key, cycles))
    arcs = [(b, n, cycles, turns) for (b, n, turns), cycles in tightest.items()]
    low, high = 0, sum(spent.last for spent in kernel.costs) + 1
    while high - low > high // 1024:
        middle = (low + high) // 2
        if heights(len(kernel.costs), arcs, middle) is None:
            low = middle + 1
        else:
            high = middle
    return low


def heights(
    count: int, arcs: Sequence[tuple[int, int, int, int]], interval: int
) -> list[int] | None:
    """Longest path from each node to any other at an interval; None when a cycle makes it endless.

    Args:
        count: nodes.
        arcs: (before, later, cycles, turns).
        interval: cycles between turns.
    """
    length = [0] * count
    longest = [0] * count
    for before, _, cycles, _ in arcs:
        longest[before] = max(longest[before], cycles)
    limit = sum(longest)  # of a path that passes no node twice
    # Backwards: in a body in program order most paths are then found in one pass.
    ordered = sorted(arcs, key=lambda arc: (-arc[0], -arc[1]))
    for _ in range(count + 1):
        changed = False
        for before, later, cycles, turns in ordered:
            reach = length[later] + cycles - interval * turns
            if reach > length[before]:
                length[before] = reach
                changed = True
                if reach > limit:
                    return None
        if not changed:
            return length
    return None
