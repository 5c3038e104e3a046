"""Supersteps of a bulk-synchronous machine: compute, barrier, exchange.

Within a superstep engines work on what they hold. An instruction of the matrix or vector engine that reads what the
*other* of the two wrote in the same superstep begins a new one: once all of them are done, after the barrier, and
after the exchange of what it reads. Chip-wide barriers are how the IPU separates compute and exchange (Jia et al.
2019), and what a GPU's kernel boundary amounts to: results of one kernel are visible to the next one only. Weights are
loaded by the superstep that multiplies them: no load is under way at a barrier, or beside the vector engine's work.
"""

from __future__ import annotations

from math import ceil

from rnncc.machine.description import Sync
from rnncc.simulator.footprint import overlap

Span = tuple[int, int, int, int]

Fresh = tuple[int, int, Span]
"""(engine, memory, range)."""

Site = tuple[int, int]
"""(instruction, operand number)."""

DMA, MATRIX = 0, 1
"""Engine ids of transfers, which belong to the superstep in which they are issued, and of products."""


class Supersteps:
    """Where a run stands in its supersteps.

    Args:
        sync: the machine's hand-over, of kind ``bulk``.

    Attributes:
        begin: when the current superstep began.
        end: when all its instructions so far are done, its loads of weights included.
    """

    def __init__(self, sync: Sync):
        self.sync = sync
        self.begin = 0
        self.end = 0
        self.fresh: dict[Fresh, Site] = {}
        """Writes of this superstep, and which instruction's operand wrote them last."""

    def enter(
        self, engine: int, reads: list[tuple[int, Span, float]], *, loads: bool = False
    ) -> int:
        """Begin a new superstep if an instruction needs one; returns the earliest start.

        Args:
            engine: its engine.
            reads: (memory, range, native bytes) of what it reads.
            loads: it brings weights: that belongs to the superstep of the product that follows, so that none comes
                while the vector engine's superstep lasts.
        """
        if engine == DMA:
            if loads and any(other != MATRIX for other, *_ in self.fresh):
                self._barrier(0.0)
            return self.begin
        crossing = sum(
            nbytes
            for memory, span, nbytes in reads
            if any(
                other != engine and where == memory and overlap(written, span)
                for other, where, written in self.fresh
            )
        )
        if crossing:
            self._barrier(crossing)
        return self.begin

    def _barrier(self, crossing: float) -> None:
        self.begin = max(self.begin, self.end) + self.sync.cycles
        if self.sync.bytes_per_cycle:
            self.begin += ceil(crossing / self.sync.bytes_per_cycle)
        self.fresh.clear()

    def note(
        self, engine: int, site: Site, memory: int, span: Span, done: int, *, loads: bool = False
    ) -> None:
        """An instruction of the superstep writes a range and is done at a time; ``loads`` as for ``enter``."""
        if engine != DMA:
            self.fresh[engine, memory, span] = site
        if engine != DMA or loads:
            self.end = max(self.end, done)

    def advance(self, step: dict[Site, int], turns: int, cycles: int) -> None:
        """Shift times by cycles and every range by its site's movement."""
        self.begin += cycles
        self.end += cycles
        self.fresh = {
            (engine, memory, (low + moved, high + moved, pitch, width)): site
            for (engine, memory, (low, high, pitch, width)), site in self.fresh.items()
            for moved in (turns * step.get(site, 0),)
        }
