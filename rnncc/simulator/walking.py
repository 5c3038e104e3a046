"""A loop's iterations compared by walking its control, without the clock, through all of them."""

from __future__ import annotations

import numpy as np

from rnncc.simulator.footprint import Extents
from rnncc.simulator.runs import MAX_PERIOD, Movement, Site
from rnncc.simulator.structure import Loop
from rnncc.simulator.walker import Addresses, Walker

MAX_RECORDED = 2_000_000
"""Instructions a loop's control may amount to for its iterations to be compared."""


class Recorder:
    """A sink that keeps what one iteration does."""

    def __init__(self) -> None:
        self.signature: list[object] = []
        self.addresses: list[int] = []
        self.sites: list[Site] = []

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Keep an engine's instruction."""
        self.signature.append((pc, extents))
        self.addresses.extend(addresses)
        self.sites.extend((pc, place) for place in range(len(addresses)))

    def step(self, op: str) -> None:
        """Keep a control instruction."""
        self.signature.append(op)

    def read(self, pc: int, address: int) -> None:
        """Keep the address of an ``s.read``."""
        self.addresses.append(address)
        self.sites.append((pc, 0))


def by_walking(walker: Walker, loop: Loop, count: int) -> Movement | None:
    """The regular iterations of a loop that is about to start; None when there are too few to gain from.

    Args:
        walker: standing at the loop; left as it was.
        loop: the loop.
        count: its iterations.

    Raises:
        SimulationError: see ``Walker.body``.
    """
    saved = (list(walker.registers), walker.reads, walker.budget, walker.on_loop)
    walker.on_loop = None
    numbers: dict[tuple[object, ...], int] = {}
    kinds, rows, states, sites = [], [], [], {}
    recorded = 0
    for index in range(count):
        states.append((list(walker.registers), walker.reads))
        recorder = Recorder()
        # An iteration that leaves the loop has no endloop: it is like no other.
        going = walker.iterate(loop, index, recorder)
        kind = numbers.setdefault(tuple(recorder.signature), len(numbers))
        kinds.append(kind)
        rows.append(recorder.addresses)
        sites.setdefault(kind, recorder.sites)
        recorded += len(recorder.signature)
        if recorded > MAX_RECORDED or not going:
            break
    states.append((list(walker.registers), walker.reads))
    walker.registers, walker.reads, walker.budget, walker.on_loop = saved
    if recorded > MAX_RECORDED:
        return None
    best: Movement | None = None
    for period in range(1, MAX_PERIOD + 1):
        found = _regular(kinds, rows, period)
        if found is None:
            continue
        start, end = found
        step = _steps(kinds, rows, sites, range(start, start + period))
        if step is not None and (best is None or end - start > 2 * (best.end - best.start)):
            best = Movement(period, start, end, step, states)
    return best


def _regular(kinds: list[int], rows: list[list[int]], period: int) -> tuple[int, int] | None:
    """The longest run of iterations that repeat every ``period`` with evenly moving addresses."""
    count = len(kinds)
    best, start = (0, 0), 0
    known: dict[int, np.ndarray] = {}
    arrays = [np.array(row, np.int64) for row in rows]
    for at in range(count - period):
        same = kinds[at] == kinds[at + period]
        if same:
            moved = arrays[at + period] - arrays[at]
            expected = known.get(at % period)
            same = expected is None or np.array_equal(moved, expected)
            if not same:
                # A new way of moving starts here: the run before it ends.
                start = at
                known = {}
            known[at % period] = moved
            if at + period + 1 - start > best[1] - best[0]:
                best = (start, at + period + 1)
        else:
            start, known = at + 1, {}
    return best if best[1] - best[0] >= 2 * period else None


def _steps(
    kinds: list[int], rows: list[list[int]], sites: dict[int, list[Site]], iterations: range
) -> dict[Site, int] | None:
    """Bytes a period that each site moves; None when one site moves in two ways."""
    step: dict[Site, int] = {}
    period = len(iterations)
    for at in iterations:
        for site, before, after in zip(sites[kinds[at]], rows[at], rows[at + period], strict=True):
            if step.setdefault(site, after - before) != after - before:
                return None
    return step
