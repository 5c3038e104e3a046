"""List scheduling of a loop's kernel while it repeats.

As `_list_order`, among the operations whose predecessors in this turn of the kernel are issued the
one that can start first is taken, of equals the one with the longest path; but the clock runs on
from turn to turn, so that an order is made for the state in which the machine is when the loop has
settled. Of the orders of several turns the one with the smallest settled interval is kept. `shaken`
tries orders by priorities that chance has changed.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from rnncc.passes._initiation import heights
from rnncc.passes._list_order import WINDOW, choose, perturbed
from rnncc.passes._loop_clock import Kernel, LoopClock, settled

TURNS = 4
"""Turns whose orders are compared."""
EFFORT = 400
"""Operations that are ordered by perturbed priorities, in all tries together."""
SHAKEN = 3
"""Turns of which the last one's order is taken, by perturbed priorities."""


@dataclass(frozen=True)
class KernelOrder:
    """An order of a kernel's operations and the cycles from turn to turn."""

    numbers: list[int]
    interval: float


def kernel_order(
    kernel: Kernel, interval: int, hints: Sequence[Sequence[int]] = ()
) -> KernelOrder | None:
    """The best order found; None when the stages break a dependence.

    Args:
        kernel: what to order.
        interval: expected cycles from turn to turn, for the priorities.
        hints: orders to compare with, where they keep the dependences.
    """
    if not legal(kernel):
        return None
    orders = [list(h) for h in hints if _keeps(kernel, h)]
    orders += _Orders(kernel, interval).turn_after_turn()
    return _best(kernel, orders)


def legal(kernel: Kernel) -> bool:
    """Whether the stages keep the dependences."""
    return all(kernel.gap(edge) >= 0 for edge in kernel.edges)


def shaken(kernel: Kernel, interval: int) -> KernelOrder | None:
    """The best of some orders by perturbed priorities; None when the kernel is too large to try any.

    Args:
        kernel: what to order; its stages are legal.
        interval: expected cycles from turn to turn; it is not looked for less.
    """
    orders, best = _Orders(kernel, interval), None
    for length, patience in perturbed(orders.length, EFFORT):
        found = _best(kernel, [orders.turns(length, patience, SHAKEN)[-1]])
        if best is None or found.interval < best.interval:
            best = found
        if best.interval <= interval:
            break
    return best


def _best(kernel: Kernel, orders: Sequence[Sequence[int]]) -> KernelOrder:
    different = {tuple(order): None for order in orders}
    return min(
        (KernelOrder(list(numbers), settled(kernel, numbers)) for numbers in different),
        key=lambda order: order.interval,
    )


def _keeps(kernel: Kernel, order: Sequence[int]) -> bool:
    place = {number: i for i, number in enumerate(order)}
    return all(place[e.before] < place[e.later] for e in kernel.edges if kernel.gap(e) == 0)


class _Orders:
    """Makes orders of one kernel.

    Args:
        kernel: what to order.
        interval: expected cycles from turn to turn.

    Attributes:
        length: cycles of the longest path from each operation, across turns where that has an end.
    """

    def __init__(self, kernel: Kernel, interval: int):
        self.kernel, count = kernel, len(kernel.costs)
        arcs = [
            (b, n, cycles, turns + kernel.later_by(b, n)) for b, n, cycles, turns in kernel.arcs()
        ]
        length = heights(count, arcs, interval)
        if length is None:
            arcs = [arc for arc in arcs if arc[3] == 0]
            length = heights(count, arcs, interval) or [0] * count
        self.length = length
        self.succs: list[list[int]] = [[] for _ in range(count)]
        self.preds = [0] * count
        inside = {(e.before, e.later) for e in kernel.edges if kernel.gap(e) == 0}
        for before, later in inside:
            self.succs[before].append(later)
            self.preds[later] += 1

    def turn_after_turn(self) -> list[list[int]]:
        """The orders of some turns, by path."""
        return self.turns(self.length, 0, TURNS)

    def turns(self, length: Sequence[int], patience: int, turns: int) -> list[list[int]]:
        """The orders of the first turns.

        Args:
            length: priorities.
            patience: for how many cycles they go before an earlier start.
            turns: how many.
        """
        clock, found = LoopClock(self.kernel), []
        for _ in range(turns):
            waiting = list(self.preds)
            ready = sorted((-length[n], n) for n, count in enumerate(waiting) if not count)
            order: list[int] = []
            while ready:
                _, chosen = ready.pop(_choose(ready, clock, patience))
                order.append(chosen)
                clock.issue(chosen)
                for later in self.succs[chosen]:
                    waiting[later] -= 1
                    if not waiting[later]:
                        insort(ready, (-length[later], later))
            clock.next_turn()
            found.append(order)
        return found


def _choose(ready: Sequence[tuple[int, int]], clock: LoopClock, patience: int) -> int:
    """Place of the ready operation that starts first, of equals the first by priority."""
    starts = []
    for _, number in ready[:WINDOW]:
        start = clock.wanted(clock.costs[number], clock.start(number))
        starts.append(max(start, clock.clock))
        if start <= clock.clock:
            break  # nothing starts earlier than now
    return choose(starts, patience)
