"""How many rows of streamed weights stay on chip, and how many pass through it at a time.

Large panels are few instructions, small ones leave room for rows that never move again. Each
division is weighed by the cycles of one use of the whole matrix, counted with the machine's cost
functions: transfers, products with their padding to the array, and dispatch run side by side, so
the largest of the three decides. Source: adaptive tile shapes, padding counted (SHARP, 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf

from rnncc.cost import cost, work
from rnncc.machine import MachineDescription

SHARES = (0.125, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Panels that are weighed, in the array's rows."""
NEARLY = 33
"""A division with larger panels is taken when it is slower by less than one in this many."""
INSTRUCTIONS = 3
"""Of a panel: its load, its product, what follows that."""


@dataclass(frozen=True)
class Division:
    """Rows that stay, rows of a panel, and the cycles of one use of the matrix."""

    kept: int
    panel: int
    cycles: float


@dataclass(frozen=True)
class Streamed:
    """A product whose weights do not all fit.

    Attributes:
        m, n, k: its extents.
        element: type of the weights.
        item: bytes of one of them in memory.
    """

    m: int
    n: int
    k: int
    element: str
    item: int

    @property
    def row(self) -> int:
        """Bytes of a row of weights."""
        return self.k * self.item

    def panels(self, machine: MachineDescription) -> list[int]:
        """Rows of a panel that are weighed."""
        rows = {max(1, int(share * machine.matrix.rows)) for share in SHARES}
        return sorted(p for p in rows if p <= self.n)

    def smallest(self, machine: MachineDescription) -> int:
        """Bytes of the smallest pair of panels whose transfer hides the latency of another."""
        for rows in self.panels(machine):
            if self._transfer(machine, rows)[0] >= machine.dma.latency:
                return 2 * rows * self.row
        return 2 * self.n * self.row

    def divide(self, machine: MachineDescription, free: int, reserve: int = 0) -> Division | None:
        """The best division; None when pieces of rows of the array's height are no slower.

        Args:
            machine: the machine.
            free: bytes of weight memory.
            reserve: bytes that the panels of other products need at other times.
        """
        found = []
        for panel in self.panels(machine):
            room = free - max(2 * panel * self.row, reserve)
            if room < 0:
                break
            # Something is left to stream: what fits whole was kept whole, if there was room for panels.
            kept = min(room // self.row, self.n - 1)
            kept -= kept % min(panel, machine.matrix.rows)
            found.append(Division(kept, panel, self.cycles(machine, kept, panel)))
        cut = self._cut(machine, free)
        if not found or min(d.cycles for d in found) > cut:
            return None
        least = min(d.cycles for d in found)
        return max(
            (d for d in found if d.cycles * NEARLY <= least * (NEARLY + 1)), key=lambda d: d.panel
        )

    def cycles(self, machine: MachineDescription, kept: int, panel: int) -> float:
        """One use of the matrix: transfers, products and dispatch side by side."""
        whole, rest = divmod(self.n - kept, panel)
        sizes = [(panel, whole), (rest, 1 if rest else 0)]
        moving = multiplying = dispatch = 0.0
        for rows, times in sizes:
            if times:
                shared, busy = self._transfer(machine, rows)
                # Two panels are on their way at most, each on a channel of its own.
                moving += times * max(shared, busy / min(machine.dma.channels, 2))
                multiplying += times * self._product(machine, rows)
                dispatch += times * INSTRUCTIONS * machine.control.dispatch_cycles
        if kept:
            multiplying += self._product(machine, kept)
        return max(moving, multiplying, dispatch)

    def _cut(self, machine: MachineDescription, free: int) -> float:
        """One use of the matrix in panels of the array's rows and as many columns as fit."""
        rows = min(self.n, machine.matrix.rows)
        columns = min(self.k, free // (2 * rows * self.item))
        columns -= columns % machine.matrix.columns if columns < self.k else 0
        if columns < 1:
            return inf
        piece = replace(self, k=columns)
        times = ceil(self.n / rows) * ceil(self.k / columns)
        shared, busy = piece._transfer(machine, rows)
        moving = max(shared, busy / min(machine.dma.channels, 2))
        return times * max(moving, piece._product(machine, rows))

    def _transfer(self, machine: MachineDescription, rows: int) -> tuple[int, int]:
        """Cycles of the data path and of the channel for a panel."""
        walk = (0, self.k, 1)
        operands = [("wmem", self.element, walk), ("dram", self.element, walk)]
        found = cost(machine, work(machine, "dma", "", (1, rows, self.k), operands))
        return found.shared, found.busy

    def _product(self, machine: MachineDescription, rows: int) -> int:
        """Cycles of the matrix engine for a panel."""
        operands = [
            ("vmem", self.element, (self.n, 1, 0)),
            ("vmem", self.element, (self.k, 0, 1)),
            ("wmem", self.element, (0, self.k, 1)),
        ]
        return cost(machine, work(machine, "mm", "", (self.m, rows, self.k), operands)).busy
