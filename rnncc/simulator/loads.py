"""Which weights a program loads into wmem, how often each, and which it keeps there meanwhile."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rnncc.cost.bounds import WeightTraffic
from rnncc.cost.work import Work, tile_padding
from rnncc.machine.description import MachineDescription
from rnncc.simulator.shape import Timed
from rnncc.simulator.structure import Body, Loop, walk

Range = tuple[int, int]


@dataclass
class _Source:
    """A matrix, or some rows of one, that loads bring.

    Attributes:
        rows, columns: its extents.
        held: native bytes of its weights.
        moved: native bytes that a load of it moves: whole tiles, on a machine that moves those.
        times: how often it is loaded.
    """

    rows: int
    columns: int
    held: float
    moved: float
    times: int = 0


class _Group:
    """What one outermost loop (or the code outside of all loops) does to wmem.

    Attributes:
        sources: by their ranges of DRAM.
        written: ranges of wmem that are loaded.
        used: ranges of wmem that products read -> native bytes.
    """

    def __init__(self) -> None:
        self.sources: dict[Range, _Source] = {}
        self.written: set[Range] = set()
        self.used: dict[Range, float] = {}

    def note(self, place: Range, work: Work, times: int) -> None:
        """So many more loads of a range, the longest of which counts where a run-time extent makes them differ."""
        matrices, rows, columns = work.extents
        rows *= matrices
        access = work.accesses[1]
        known = self.sources.setdefault(place, _Source(rows, columns, access.held, access.nbytes))
        if access.held > known.held:
            known.rows, known.columns = rows, columns
            known.held, known.moved = access.held, access.nbytes
        known.times += times

    def repeated(self, room: float) -> float:
        """Native bytes that must come again when wmem can keep so many: those whose loads move most for their room."""
        again = [source for source in self.sources.values() if source.times > 1 and source.held]
        again.sort(key=lambda s: s.moved * (s.times - 1) / s.held, reverse=True)
        total = 0.0
        for source in again:
            kept = min(source.held, room)
            room -= kept
            total += source.moved * (source.times - 1) * (1.0 - kept / source.held)
        return total

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
        group.note((low + addresses[1], high + addresses[1]), timed.work, times)
        low, high = timed.operands[0].shape[:2]
        group.written.add((low + addresses[0], high + addresses[0]))

    def used(self, timed: Timed, address: int) -> None:
        """A product reads weights at an address of wmem."""
        low, high = timed.operands[2].shape[:2]
        self._group(timed).used[low + address, high + address] = timed.work.accesses[2].held

    def traffic(
        self, machine: MachineDescription, constants: Collection[int] = ()
    ) -> WeightTraffic:
        """The sums over all loads.

        Args:
            machine: that they ran on.
            constants: addresses in DRAM at which constants begin. Rows of one constant could have come as one piece,
                whose tiles are counted whole but once.
        """
        sources: dict[Range, _Source] = {}
        moved = repeated = 0.0
        capacity = machine.memories.wmem.size
        for number, group in self._groups.items():
            for place, source in group.sources.items():
                known = sources.setdefault(place, source)
                if source.held > known.held:
                    sources[place] = source
                moved += source.moved * source.times
            # Each turn needs what it loads and what stays: of both, wmem keeps its capacity.
            beside = max(0.0, capacity - group.resident()) if number >= 0 else capacity
            repeated += group.repeated(beside)
        unique = sum(source.moved for source in _joined(machine, sources, set(constants)))
        return WeightTraffic(moved=moved, unique=unique, repeated=repeated)


def _joined(
    machine: MachineDescription, sources: Mapping[Range, _Source], constants: Collection[int]
) -> list[_Source]:
    """Sources, with those of one constant and as many columns as one: edges of pieces are no tiles of their own."""
    if not machine.dma.whole_weight_tiles:
        return list(sources.values())
    begins = sorted(constants)
    found: dict[tuple[int, int], _Source] = {}
    for (low, _), source in sources.items():
        if not source.held:
            continue
        key = bisect(begins, low), source.columns
        last = found.get(key, _Source(0, source.columns, 0.0, 0.0))
        rows, held = last.rows + source.rows, last.held + source.held
        padding = tile_padding(machine, (rows, source.columns), rows * source.columns)
        moved = held * (1.0 + padding / (rows * source.columns))
        found[key] = _Source(rows, source.columns, held, moved)
    return list(found.values())
