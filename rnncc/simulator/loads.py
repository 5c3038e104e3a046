"""Which weights a program loads into wmem, how often each, and which it keeps there meanwhile."""

from __future__ import annotations

from rnncc.cost.bounds import WeightTraffic
from rnncc.machine.description import MachineDescription
from rnncc.simulator.shape import Timed
from rnncc.simulator.structure import Body, Loop, walk

Range = tuple[int, int]


class _Group:
    """What one outermost loop (or the code outside of all loops) does to wmem.

    Attributes:
        times: source range -> native bytes and times loaded.
        written: ranges of wmem that are loaded.
        used: ranges of wmem that products read -> native bytes.
    """

    def __init__(self) -> None:
        self.times: dict[Range, list[float]] = {}
        self.written: set[Range] = set()
        self.used: dict[Range, float] = {}

    def resident(self) -> float:
        """Native bytes that products of the loop use and no load of it brings."""
        stays = [r for r in self.used if not any(r[0] < w[1] and w[0] < r[1] for w in self.written)]
        total, reached = 0.0, 0
        for low, high in sorted(stays):
            each = self.used[low, high] / max(high - low, 1)
            total += max(0, high - max(low, reached)) * each
            reached = max(reached, high)
        return total


class Loads:
    """The loads of one timed run.

    Args:
        body: the program's loop tree.
    """

    def __init__(self, body: Body):
        self._home = {
            pc: item.pc for item in body.items if isinstance(item, Loop) for pc in walk(item.body)
        }
        self._groups: dict[int, _Group] = {}

    def _group(self, timed: Timed) -> _Group:
        return self._groups.setdefault(self._home.get(timed.pc, -1), _Group())

    def note(self, timed: Timed, addresses: tuple[int, ...], times: int = 1) -> None:
        """A load of the range that an instruction reads, so many times.

        Args:
            timed: the instruction.
            addresses: of its destination and its source.
            times: how often.
        """
        group = self._group(timed)
        low, high = timed.operands[1].shape[:2]
        known = group.times.setdefault((low + addresses[1], high + addresses[1]), [0.0, 0])
        known[0] = max(known[0], timed.work.accesses[1].nbytes)
        known[1] += times
        low, high = timed.operands[0].shape[:2]
        group.written.add((low + addresses[0], high + addresses[0]))

    def used(self, timed: Timed, address: int) -> None:
        """A product reads weights at an address of wmem."""
        low, high = timed.operands[2].shape[:2]
        self._group(timed).used[low + address, high + address] = timed.work.accesses[2].nbytes

    def traffic(self, machine: MachineDescription) -> WeightTraffic:
        """The sums over all loads."""
        sources: dict[Range, float] = {}
        repeated = 0.0
        capacity = machine.memories.wmem.size
        for number, group in self._groups.items():
            for source, (nbytes, _) in group.times.items():
                sources[source] = max(sources.get(source, 0.0), nbytes)
            again = sum(nbytes for nbytes, times in group.times.values() if times > 1)
            extra = sum(nbytes * (times - 1) for nbytes, times in group.times.values())
            # Each turn needs what it loads and what stays: of both, wmem keeps its capacity.
            beside = max(0.0, capacity - group.resident()) if number >= 0 else capacity
            if again > beside:
                repeated += extra * (1.0 - beside / again)
        moved = sum(
            nbytes * times for g in self._groups.values() for nbytes, times in g.times.values()
        )
        unique = sum(sources.values())
        return WeightTraffic(moved=moved, unique=unique, repeated=repeated)
