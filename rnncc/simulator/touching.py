"""What the instructions of an iteration read and write, and which of them touch the same bytes at every turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rnncc.simulator.footprint import overlap
from rnncc.simulator.runs import Site
from rnncc.simulator.shape import ENGINE_IDS, Timed

MATRIX = ENGINE_IDS["matrix"]


@dataclass
class Turn:
    """One iteration: its instructions and where they read and write.

    Attributes:
        ops: its instructions in program order.
        reads, writes: rows (instruction within the iteration, operand, memory, low, high, pitch, width).
    """

    ops: list[Timed] = field(default_factory=list)
    reads: list[tuple[int, ...]] = field(default_factory=list)
    writes: list[tuple[int, ...]] = field(default_factory=list)


def touching(
    before: Turn, after: Turn, step: dict[Site, int], *, same: bool
) -> list[tuple[int, int]]:
    """Which rows of an iteration's reads wait for which rows of writes: (number of the write, number of the read).

    Args:
        before: the iteration of the writes.
        after: that of the reads.
        step: bytes that each site moves in a period.
        same: they are one iteration: a write comes first in it.
    """
    if not before.writes or not after.reads:
        return []
    w, r = np.array(before.writes), np.array(after.reads)
    near = (
        (w[:, None, 2] == r[:, 2])
        & (moved(before, before.writes, step)[:, None] == moved(after, after.reads, step))
        & (w[:, None, 3] < r[:, 4])
        & (r[:, 3] < w[:, None, 4])
    )
    if same:
        near &= w[:, None, 0] < r[:, 0]
    # Products that add to the same sums follow one another without waiting.
    sums = np.array(
        [
            after.ops[row[0]].operands[row[1]].accumulates and after.ops[row[0]].engine == MATRIX
            for row in after.reads
        ]
    )
    products = np.array([before.ops[row[0]].engine == MATRIX for row in before.writes])
    near &= ~(sums & products[:, None] & (w[:, None, 3:] == r[:, 3:]).all(axis=2))
    return [
        (one, other)
        for one, other in np.argwhere(near).tolist()
        if overlap(before.writes[one][3:], after.reads[other][3:])
    ]


def moved(turn: Turn, rows: Sequence[tuple[int, ...]], step: dict[Site, int]) -> np.ndarray:
    """Bytes that each row moves in a period."""
    return np.array([step.get((turn.ops[row[0]].pc, row[1]), 0) for row in rows])


def last_to_cover(writes: Sequence[tuple[int, ...]], read: tuple[int, ...]) -> int:
    """The last instruction that writes all bytes of a read; -1 for none. What was there before is not read."""
    return max(
        (w[0] for w in writes if not w[5] and w[3] <= read[3] and w[4] >= read[4]), default=-1
    )
