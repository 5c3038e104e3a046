"""Lower bounds of a program's cycles: no schedule of the same work on the same machine can be faster.

The four of the project's reference: multiply-accumulates over the peak, weights that must come from DRAM over its
bandwidth, on-chip traffic over the memories' bandwidths, and the critical path (the longest chain of results that
need one another, with unlimited engines, which the simulator finds: ``rnncc.simulator.critical``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rnncc.cost.matrix import matrix_memory_cycles, rate_of
from rnncc.cost.vector import vector_memory_cycles
from rnncc.cost.work import Work
from rnncc.machine.description import MachineDescription


@dataclass(frozen=True)
class Bounds:
    """Lower bounds in cycles.

    Attributes:
        macs: multiply-accumulates / peak of the formats used.
        weights: bytes of weights that must come from DRAM / bandwidth.
        on_chip: the slowest engine's traffic with wmem and vmem.
        critical_path: longest chain of dependent results.
    """

    macs: int
    weights: int
    on_chip: int
    critical_path: int
    names: tuple[str, ...] = field(
        default=("macs", "weights", "on_chip", "critical_path"), repr=False
    )

    @property
    def cycles(self) -> int:
        """The largest of the four."""
        return max(getattr(self, name) for name in self.names)

    @property
    def binds(self) -> str:
        """Which of the four is the largest."""
        return max(self.names, key=lambda name: getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """The four, ``cycles`` and ``binds``."""
        return {
            **{name: getattr(self, name) for name in self.names},
            "cycles": self.cycles,
            "binds": self.binds,
        }


@dataclass
class WeightTraffic:
    """Weights that a program moves from DRAM into wmem.

    Attributes:
        moved: native bytes in all.
        unique: native bytes of different weights.
        again: native bytes of different weights that are loaded more than once.
        capacity: bytes of wmem.
    """

    moved: float = 0.0
    unique: float = 0.0
    again: float = 0.0
    capacity: int = 0

    @property
    def necessary(self) -> float:
        """Bytes that any program with the same uses must move.

        Everything once; and of what is used again and again, at each further use the part that wmem cannot have
        kept (what the best replacement would keep of a working set that is swept through: the capacity).
        """
        if self.again <= self.capacity or not self.again:
            return self.unique
        kept = self.capacity / self.again
        return self.unique + max(self.moved - self.unique, 0.0) * (1.0 - kept)


def bounds(
    machine: MachineDescription,
    executed: Iterable[tuple[Work, int]],
    weights: WeightTraffic,
    critical_path: int,
) -> Bounds:
    """The bounds of a program.

    Args:
        machine: where it runs.
        executed: each kind of work of the matrix and vector engines, and how often.
        weights: its weight traffic.
        critical_path: cycles of the longest dependence chain.
    """
    macs = matrix = vector = 0.0
    for work, times in executed:
        if work.macs:
            peak = machine.matrix.macs_per_cycle * rate_of(machine, work.element)
            macs += times * work.macs / peak
            matrix += times * matrix_memory_cycles(machine, work)
        elif work.op not in ("dma", "gather"):
            vector += times * vector_memory_cycles(machine, work)
    return Bounds(
        macs=int(macs),
        weights=int(weights.necessary / machine.dram_bytes_per_cycle),
        on_chip=int(max(matrix, vector)),
        critical_path=critical_path,
    )
