"""When what the DMA engine brings can be there: transfers share its data path and channels."""

from __future__ import annotations

from collections import Counter

from rnncc.cost import Cost
from rnncc.machine.description import MachineDescription
from rnncc.simulator.rules import DMA
from rnncc.simulator.shape import Timed
from rnncc.simulator.walker import Addresses


class Transfers:
    """Sets of a program's transfers, a bit each.

    Args:
        machine: the machine.
    """

    def __init__(self, machine: MachineDescription):
        self._channels = machine.dma.channels
        self._bits: dict[tuple[int, Addresses], int] = {}
        self._costs: list[tuple[int, Cost]] = []
        """Queue and cycles by bit."""
        self._known: dict[int, int] = {}
        self._last = 0
        """The set whose cycles on each data path, and on the channels together, follow."""
        self._path: Counter[int] = Counter()
        self._busy: Counter[int] = Counter()

    def bit(self, timed: Timed, addresses: Addresses) -> int:
        """The bit of a transfer; 0 for other instructions. The same one in a later iteration has the same bit."""
        if timed.engine != DMA:
            return 0
        key = (timed.pc, addresses)
        if key not in self._bits:
            self._bits[key] = 1 << len(self._bits)
            self._costs.append((timed.lane, timed.cost))
        return self._bits[key]

    def cycles(self, moved: int) -> int:
        """Cycles that a set of transfers takes on the DMA engine, each queue with its data path and channels."""
        known = self._known.get(moved)
        if known is not None:
            return known
        # From the set asked for before to this one: they mostly differ in a few transfers.
        changed = moved ^ self._last
        if changed.bit_count() > moved.bit_count():
            self._path.clear()
            self._busy.clear()
            changed = moved
        self._last = moved
        while changed:
            bit = changed & -changed
            lane, cost = self._costs[bit.bit_length() - 1]
            sign = 1 if moved & bit else -1
            self._path[lane] += sign * cost.shared
            self._busy[lane] += sign * cost.busy
            changed ^= bit
        each = (cycles // self._channels for cycles in self._busy.values())
        longest = self._known[moved] = max([*self._path.values(), *each], default=0)
        return longest
