"""List scheduling of a loop's kernel while it repeats.

As `_list_order`, among the operations whose predecessors in this turn of the kernel are issued the
one that can start first is taken, of equals the one with the longest path; but the clock runs on
from turn to turn, so that an order is made for the state in which the machine is when the loop has
settled. Of the orders of several turns the one with the smallest settled interval is kept.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from rnncc.passes._initiation import heights
from rnncc.passes._list_order import WINDOW
from rnncc.passes._loop_clock import Kernel, LoopClock, settled

TURNS = 4
"""Turns whose orders are compared."""


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
    if any(kernel.gap(edge) < 0 for edge in kernel.edges):
        return None
    orders = [list(h) for h in hints if _keeps(kernel, h)]
    orders += _turn_after_turn(kernel, interval)
    best: KernelOrder | None = None
    for numbers in {tuple(order): None for order in orders}:
        found = settled(kernel, numbers)
        if best is None or found < best.interval:
            best = KernelOrder(list(numbers), found)
    return best


def _keeps(kernel: Kernel, order: Sequence[int]) -> bool:
    place = {number: i for i, number in enumerate(order)}
    return all(place[e.before] < place[e.later] for e in kernel.edges if kernel.gap(e) == 0)


def _turn_after_turn(kernel: Kernel, interval: int) -> list[list[int]]:
    count = len(kernel.costs)
    inside = [e for e in kernel.edges if kernel.gap(e) == 0]
    arcs = [(b, n, cycles, turns + kernel.later_by(b, n)) for b, n, cycles, turns in kernel.arcs()]
    length = heights(count, arcs, interval)
    if length is None:
        arcs = [arc for arc in arcs if arc[3] == 0]
        length = heights(count, arcs, interval) or [0] * count
    succs: list[list[int]] = [[] for _ in range(count)]
    preds = [0] * count
    for before, later in {(e.before, e.later) for e in inside}:
        succs[before].append(later)
        preds[later] += 1
    clock = LoopClock(kernel)
    found = []
    for _ in range(TURNS):
        waiting = list(preds)
        ready = sorted((-length[n], n) for n in range(count) if not waiting[n])
        order: list[int] = []
        while ready:
            _, chosen = ready.pop(_choose(ready, clock))
            order.append(chosen)
            clock.issue(chosen)
            for later in succs[chosen]:
                waiting[later] -= 1
                if not waiting[later]:
                    insort(ready, (-length[later], later))
        clock.next_turn()
        found.append(order)
    return found


def _choose(ready: Sequence[tuple[int, int]], clock: LoopClock) -> int:
    """Place of the ready operation that starts first, of equals the first by priority."""
    best, best_start = 0, -1
    for place, (_, number) in enumerate(ready[:WINDOW]):
        start = clock.wanted(clock.costs[number], clock.start(number))
        if best_start < 0 or start < best_start:
            best, best_start = place, start
            if start <= clock.clock:
                break
    return best
