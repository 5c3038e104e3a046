"""Which weights a program loads into wmem, and how often each."""

from __future__ import annotations

from rnncc.cost.bounds import WeightTraffic
from rnncc.machine.description import MachineDescription
from rnncc.simulator.shape import Timed


class Loads:
    """The loads of one timed run: source range -> native bytes and times loaded."""

    def __init__(self) -> None:
        self._times: dict[tuple[int, int], list[float]] = {}
        self._fresh = 0.0

    def note(self, timed: Timed, address: int, times: int = 1) -> None:
        """A load of the range that an instruction reads at an address, so many times."""
        low, high = timed.operands[1].shape[:2]
        known = self._times.setdefault((low + address, high + address), [0.0, 0])
        known[0] = max(known[0], timed.work.accesses[1].nbytes)
        known[1] += times

    def moved_on(self, timed: Timed, times: int) -> None:
        """Loads of an instruction whose source moves, each of something else."""
        self._fresh += times * timed.work.accesses[1].nbytes

    def traffic(self, machine: MachineDescription) -> WeightTraffic:
        """The sums over all loads."""
        unique = self._fresh + sum(nbytes for nbytes, _ in self._times.values())
        return WeightTraffic(
            moved=self._fresh + sum(nbytes * times for nbytes, times in self._times.values()),
            unique=unique,
            again=sum(nbytes for nbytes, times in self._times.values() if times > 1),
            capacity=machine.memories.wmem.size,
        )
