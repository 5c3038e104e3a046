"""Which iterations of a loop repeat: the longest run of them, and how far each address moves in a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_PERIOD = 8
"""Iterations after which a loop's control must repeat to count as regular."""

Site = tuple[int, int]
"""(instruction, operand number)."""

States = Sequence[tuple[list[int], int]]
"""Registers and ``s.read`` position before each iteration of a loop and after the last."""


@dataclass
class Movement:
    """Iterations ``start`` to ``end`` - 1 repeat every ``period``, the addresses of a site moving ``step`` bytes.

    Attributes:
        period: iterations.
        start, end: the range of regular iterations.
        step: site -> bytes a period; a site that is not in it does not move.
        states: empty when registers carry nothing but the loop's index from iteration to iteration.
    """

    period: int
    start: int
    end: int
    step: dict[Site, int]
    states: States = ()


@dataclass
class Iterations:
    """What decides how a loop's iterations differ; the last axis of every array is the iteration.

    Attributes:
        count: iterations.
        deciding: values that must be equal in two iterations for these to do the same.
        moving: (site, bytes, register values): the site's address is a constant plus bytes times values. Leading
            axes are those of the loops inside.
    """

    count: int
    deciding: list[np.ndarray]
    moving: list[tuple[Site, int, np.ndarray]]


def regular(loop: Iterations) -> Movement | None:
    """The regular iterations of a loop: at least two periods of them, in a longer period only if that is much longer.

    Args:
        loop: its iterations.
    """
    best: Movement | None = None
    for period in range(1, min(MAX_PERIOD, loop.count - 1) + 1):
        if best is not None and loop.count <= 2 * (best.end - best.start):
            break
        moved = {id(v): v[..., period:] - v[..., :-period] for _, _, v in loop.moving}
        unlike = [values[..., period:] != values[..., :-period] for values in loop.deciding]
        odd = [one[..., period:] != one[..., :-period] for one in moved.values()]
        start, end = longest_run(_any(unlike), _any(odd), period, loop.count)
        if end - start < 2 * period:
            continue
        if best is not None and end - start <= 2 * (best.end - best.start):
            continue
        step = {}
        for site, stride, values in loop.moving:
            turn = moved[id(values)][..., start : start + period]
            low, high = int(turn.min()), int(turn.max())
            if low != high:
                break
            step[site] = low * stride
        else:
            best = Movement(period, start, end, step)
    return best


def _any(tests: list[np.ndarray]) -> list[int]:
    """Iterations in which one of the tests is true for some iteration of the loops inside, ascending."""
    found = [test.any(tuple(range(test.ndim - 1))) for test in tests]
    return np.flatnonzero(np.logical_or.reduce(found)).tolist() if found else []


def longest_run(unlike: list[int], odd: list[int], period: int, count: int) -> tuple[int, int]:
    """The first of the longest runs of iterations that repeat every ``period``, addresses moving evenly.

    Args:
        unlike: iterations that do something else than the one a period later, ascending.
        odd: iterations i such that i + period is not as far from its next as i is, ascending.
        period: iterations.
        count: iterations of the loop.

    Returns: the first iteration and one past the last; (0, 0) for none.
    """
    best, start = (0, 0), 0
    differ = set(unlike)
    for at in [*sorted(differ | {one + period for one in odd}), count - period]:
        ends = at == count - period or at in differ
        if not ends and at - period < start:
            continue
        if at > start and at + period - start > best[1] - best[0]:
            best = (start, at + period)
        # A new way of moving starts at `at` itself; an iteration that has no like begins nothing.
        start = at + 1 if ends else at
    return best
