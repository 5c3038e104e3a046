"""Modulo scheduling: a start time for each operation, the same in every turn, turns an interval apart.

Iterative: operations are placed by height; one that finds no free place takes the place of others,
which are placed again later. When too many are moved, the interval grows.
Source: Rau, "Iterative modulo scheduling" (1994), with one row of the reservation table for each
engine and for the dispatcher, kept as intervals because an instruction may take a million cycles.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnncc.passes._initiation import heights
from rnncc.passes._loop_clock import Kernel

EFFORT = 6
"""Placements for each operation before an interval is given up."""
ATTEMPTS = 24
"""Intervals that are tried."""
LONG = 48
"""Operations beyond which the number of intervals that are tried shrinks."""


def modulo_schedule(kernel: Kernel, minimum: int) -> tuple[int, list[int]] | None:
    """The first interval from `minimum` on for which start times are found, and these; None without."""
    interval = max(1, minimum)
    for _ in range(max(1, ATTEMPTS * LONG // max(LONG, len(kernel.costs)))):
        times = _place_all(kernel, interval)
        if times is not None:
            low = min(times)
            return interval, [time - low for time in times]
        interval = max(interval + 1, interval + interval // 64)
    return None


class _Table:
    """Which part of the interval each engine is taken, and by what."""

    def __init__(self, interval: int):
        self.interval = interval
        self.rows: dict[str, dict[int, tuple[int, int]]] = {}

    def clash(self, engine: str, time: int, busy: int) -> list[int]:
        """Operations in the way of one that would start at a time."""
        found = []
        for number, (other, length) in self.rows.get(engine, {}).items():
            ahead = (other - time) % self.interval
            if ahead < busy or self.interval - ahead < length:
                found.append(number)
        return found

    def free(self, engine: str, earliest: int, busy: int) -> int | None:
        """The first start from `earliest` on, within one interval, at which nothing is in the way."""
        row, interval = self.rows.get(engine, {}).values(), self.interval
        # From the earliest start: when each begins. The rest is the innermost loop, and stops at the first in the way.
        begins = [((other - earliest) % interval, length) for other, length in row]
        for wait in sorted({0, *((begin + length) % interval for begin, length in begins)}):
            for begin, length in begins:
                ahead = (begin - wait) % interval
                if ahead < busy or interval - ahead < length:
                    break
            else:
                return earliest + wait
        return None


def _place_all(kernel: Kernel, interval: int) -> list[int] | None:
    costs = kernel.costs
    arcs = kernel.arcs()
    height = heights(len(costs), arcs, interval)
    if height is None or any(spent.taken > interval for spent in costs):
        return None
    after: list[list[tuple[int, int]]] = [[] for _ in costs]
    before: list[list[tuple[int, int]]] = [[] for _ in costs]
    for b, n, cycles, turns in arcs:
        before[n].append((b, cycles - interval * turns))
        after[b].append((n, cycles - interval * turns))
    table = _Table(interval)
    times: dict[int, int] = {}
    last = [-1] * len(costs)
    waiting = set(range(len(costs)))
    for _ in range(EFFORT * len(costs)):
        if not waiting:
            return [times[n] for n in range(len(costs))]
        number = max(waiting, key=lambda n: (height[n], -n))
        waiting.remove(number)
        earliest = max(
            [0, *(times[b] + w for b, w in before[number] if b in times and b != number)]
        )
        engine, busy = costs[number].lane or costs[number].engine, costs[number].taken
        time = table.free(engine, earliest, busy)
        if time is None:
            time = max(earliest, last[number] + 1)
            for other in table.clash(engine, time, busy):
                _take_out(other, times, table, engine, waiting)
        times[number] = last[number] = time
        table.rows.setdefault(engine, {})[number] = (time, busy)
        for later, weight in after[number]:
            if later in times and later != number and times[later] < time + weight:
                engine = costs[later].lane or costs[later].engine
                _take_out(later, times, table, engine, waiting)
    return None


def _take_out(
    number: int, times: dict[int, int], table: _Table, engine: str, waiting: set[int]
) -> None:
    del times[number], table.rows[engine][number]
    waiting.add(number)


def stages_of(interval: int, times: Sequence[int]) -> list[int]:
    """In which of two stages each operation is: those that start an interval or more after the first are late."""
    return [min(1, time // interval) for time in times]
