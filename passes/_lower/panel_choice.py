"""How many rows of streamed weights stay on chip, and how many pass through it at a time.

Large panels are few instructions, small ones leave room for rows that never move again; more
places for panels let transfers run further ahead of products. Each division is weighed by the
cycles of one use of the whole matrix when that repeats, counted with the machine's cost functions:
transfers and products, with their padding to the array, take turns in the places; a use starts when
the one before it is done, its first panels are on their way by then, but on a bulk-synchronous
machine. Source: adaptive tile shapes, padding counted (SHARP, 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf

from rnncc.cost import Cost, cost, work
from rnncc.machine import MachineDescription

SHARES = (0.125, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Panels that are weighed, in the array's rows."""
PLACES = (2, 3, 4, 5, 6, 7, 8)
"""Places for panels that are weighed."""
NEARLY = 100
"""A division with larger panels is taken when it is slower by less than one in this many."""
INSTRUCTIONS = 3
"""Of a panel: its load, its product, what follows that."""


TURNS = 3
"""Uses that are followed."""
SEEN = 48
"""Panels of one use that are followed one by one."""


@dataclass(frozen=True)
class Division:
    """Rows that stay, rows of a panel, places for panels, and the cycles of one use of the matrix."""

    kept: int
    panel: int
    places: int
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
            if self.transfer(machine, rows)[0] >= machine.dma.latency:
                return 2 * rows * self.row
        return 2 * self.n * self.row

    def divide(
        self, machine: MachineDescription, free: int, reserve: int = 0, *, keep: bool = True
    ) -> Division | None:
        """The best division; None when pieces of rows of the array's height are no slower.

        Args:
            machine: the machine.
            free: bytes of weight memory.
            reserve: bytes that the panels of other products need at other times.
            keep: whether rows may stay.
        """
        found = []
        # What stays begins behind the places, at a multiple of what the memory moves at once.
        granule = machine.memories.wmem.granule * machine.scale(self.item)["wmem"]
        for panel in self.panels(machine):
            for places in PLACES:
                taken = max(places * panel * self.row, reserve)
                room = free - taken - -taken % granule
                if room < 0:
                    break
                # Something is left to stream: what fits whole was kept whole, if there was room for panels.
                kept = min(room // self.row, self.n - 1) if keep else 0
                kept -= kept % min(panel, machine.matrix.rows)
                if places > 2 and places * panel > self.n - kept:
                    break
                cycles = self.cycles(machine, kept, panel, places)
                found.append(Division(kept, panel, places, cycles))
        cut, _ = self.in_pieces(machine, free)
        if not found or min(d.cycles for d in found) > cut:
            return None
        least = min(d.cycles for d in found)
        near = [d for d in found if d.cycles * NEARLY <= least * (NEARLY + 1)]
        return max(near, key=lambda d: (d.panel, -d.places))

    def cycles(self, machine: MachineDescription, kept: int, panel: int, places: int) -> float:
        """One use of the matrix, when it is used again and again."""
        whole, rest = divmod(self.n - kept, panel)
        staying = self.product(machine, kept).busy if kept else 0
        return self._repeated(machine, panel, whole, rest, places, staying)

    def _repeated(
        self,
        machine: MachineDescription,
        panel: int,
        whole: int,
        rest: int,
        places: int,
        staying: int = 0,
    ) -> float:
        """Cycles from use to use: so many whole panels, a smaller one, and a product of what stays."""
        shared, busy = self.transfer(machine, panel)
        product = self.product(machine, panel)
        sizes = [(shared, busy, product.busy, product.load)] * min(whole, SEEN)
        if rest:
            last = self.product(machine, rest)
            sizes.append((*self.transfer(machine, rest), last.busy, last.load))
        bulk = machine.sync.kind == "bulk"
        turn = _turn(sizes, places, staying, product.tail, machine.dma.channels, ahead=not bulk)
        if whole > SEEN:
            # What is left out goes on at the pace of the steady state.
            moving = max(shared, busy / min(machine.dma.channels, places))
            pace = max(moving, product.busy, (busy + product.busy - product.load) / places)
            turn += (whole - SEEN) * pace
        return max(turn, (whole + 1) * INSTRUCTIONS * machine.control.dispatch_cycles)

    def in_pieces(self, machine: MachineDescription, free: int) -> tuple[float, int]:
        """Cycles of one use in pieces of the array's rows and as many columns as fit, and the best places for them."""
        rows = min(self.n, machine.matrix.rows)
        found = [(inf, PLACES[0])]
        for places in PLACES:
            columns = min(self.k, free // (places * rows * self.item))
            columns -= columns % machine.matrix.columns if columns < self.k else 0
            if columns < 1:
                break
            piece = replace(self, k=columns)
            times = ceil(self.n / rows) * ceil(self.k / columns)
            found.append((piece._repeated(machine, rows, times, 0, places), places))
        least = min(found)[0]
        # Smaller pieces lose less where one use meets the next.
        return least, max(p for cycles, p in found if cycles * NEARLY <= least * (NEARLY + 1))

    def transfer(self, machine: MachineDescription, rows: int) -> tuple[int, int]:
        """Cycles of the data path and of the channel for a panel."""
        walk = (0, self.k, 1)
        operands = [("wmem", self.element, walk), ("dram", self.element, walk)]
        found = cost(machine, work(machine, "dma", "", (1, rows, self.k), operands))
        return found.shared, found.busy

    def product(self, machine: MachineDescription, rows: int) -> Cost:
        """Cycles of the matrix engine for a panel."""
        operands = [
            ("vmem", self.element, (self.n, 1, 0)),
            ("vmem", self.element, (self.k, 0, 1)),
            ("wmem", self.element, (0, self.k, 1)),
        ]
        return cost(machine, work(machine, "mm", "", (self.m, rows, self.k), operands))


def _turn(
    sizes: list[tuple[int, int, int, int]],
    places: int,
    staying: int,
    between: int,
    channels: int,
    *,
    ahead: bool,
) -> int:
    """Cycles from use to use, after a few.

    Args:
        sizes: of each panel: cycles on the data path, of the transfer, of the product, of its weights' way in.
        places: for panels.
        staying: cycles of the product with rows that stay, the first of a use.
        between: cycles from the last product to the first one of the next use.
        channels: transfers at once.
        ahead: transfers of a use may begin before the one before it is done.
    """
    free = [0] * places
    servers = [0] * channels
    path = array = ready = before = 0
    for _ in range(TURNS):
        before, array = ready, max(array, ready) + staying
        for number, (shared, busy, product, load) in enumerate(sizes):
            server = servers.index(min(servers))
            start = max(free[number % places], servers[server], 0 if ahead else ready)
            servers[server] = path = max(start + busy, path + shared)
            array = max(array, path - load, ready) + product
            free[number % places] = array
        ready = array + between
    return ready - before
