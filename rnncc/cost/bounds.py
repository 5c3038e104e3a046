"""Lower bounds of a program's cycles: no schedule of the same work on the same machine can be faster.

The four of the project's reference: multiply-accumulates over the peak, weights that must come from DRAM over its
bandwidth, on-chip traffic over the memories' bandwidths, and the critical path (the longest chain of results that
need one another, with unlimited engines, which the simulator finds: ``rnncc.simulator.critical``). On a machine whose
vector engine is of kind ``chain`` a fifth: the passes that its instructions need, one after another.

Others join two of them, because they cannot overlap. What some result of a chain needs must have been moved by the one
DMA engine before it (over one data path, each read holding a channel for its latency too), and the rest of the chain
follows. And from turn to turn of a recurrence, each engine must do all work that lies between the results of one turn
and those of the next, after the chain that leads to the work and before the one that leads on: a head and a tail
around one machine (Jackson, 1955; Carlier, 1982), found by ``rnncc.simulator.window``. It binds recurrences whose
weights stay on chip: a product, then some passes of the vector units behind one another.

On a bulk-synchronous machine weights are loaded by the superstep that multiplies them (``rnncc.simulator.supersteps``):
its loads and the barriers that a chain of results passes follow one another.

Beside them stand all transfers of the program on the DMA engine, whose channels each read holds for its latency, and
all instructions of the busiest other engine, which takes one at a time: an array's padding and the weights shifted into
it are in its cycles. And there is one dispatcher, which takes its cycles for every instruction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from rnncc.cost.control import control_cycles
from rnncc.cost.dma import dma_cost, transfer_queue
from rnncc.cost.matrix import matrix_cost, matrix_memory_cycles, rate_of
from rnncc.cost.vector import IN_UNITS, operation_class, vector_cost, vector_memory_cycles
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
        passes: passes through a ``chain`` vector engine; 0 for other engines.
        arrival: the transfers that results need, one after another, then the rest of their chains, turns as in
            ``turns``.
        transfers: all transfers of the program on the DMA engine's channels and data path.
        engines: all products on the array, the shifting of weights and padding counted, or all vector operations, after
            what the first needs and before what follows the last.
        turns: the longest chain, with each turn of a recurrence as long as its engines need.
        supersteps: loads of weights and barriers of a bulk-synchronous machine, one after another; 0 for others.
        dispatch: all instructions of the one dispatcher.
        reloads: weights that the program moves over those it must; ``transfers`` and ``supersteps`` count what it
            moves, so that with fewer reloads a program could fall below them.
    """

    macs: int
    weights: int
    on_chip: int
    critical_path: int
    passes: int = 0
    arrival: int = 0
    transfers: int = 0
    engines: int = 0
    turns: int = 0
    supersteps: int = 0
    dispatch: int = 0
    reloads: float = 1.0
    names: tuple[str, ...] = field(
        default=(
            "macs",
            "weights",
            "on_chip",
            "critical_path",
            "passes",
            "arrival",
            "transfers",
            "engines",
            "turns",
            "supersteps",
            "dispatch",
        ),
        repr=False,
    )

    @property
    def cycles(self) -> int:
        """The largest of them."""
        return max(getattr(self, name) for name in self.names)

    @property
    def binds(self) -> str:
        """Which of them is the largest."""
        return max(self.names, key=lambda name: getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """All of them, ``cycles`` and ``binds``."""
        return {
            **{name: getattr(self, name) for name in self.names},
            "cycles": self.cycles,
            "binds": self.binds,
            "reloads": self.reloads,
        }


@dataclass(frozen=True)
class WeightTraffic:
    """Weights that a program moves from DRAM into wmem.

    Attributes:
        moved: native bytes in all.
        unique: native bytes of different weights.
        repeated: native bytes that had to come again: in each further turn of a loop the part of what the turn
            uses that wmem cannot have kept (what the best replacement would keep of a working set that is swept
            through: the capacity). Weights that stay on chip beside the loads are part of what a turn uses.
    """

    moved: float = 0.0
    unique: float = 0.0
    repeated: float = 0.0

    @property
    def necessary(self) -> float:
        """Bytes that any program with the same uses must move."""
        return self.unique + self.repeated


@dataclass(frozen=True)
class Margins:
    """What lies around the work of engines: results that it waits for, and those that wait for it; cycles.

    Attributes:
        transfers: for the transfers of the DMA engine, what leads to each and what follows, a head and a tail around
            one machine; of long loops, the iterations looked at.
        engines: the same for the busiest other engine.
        matrix: before the array's first and behind its last product.
        vector: before and behind the vector engine's.
    """

    transfers: int = 0
    engines: int = 0
    matrix: int = 0
    vector: int = 0


@dataclass(frozen=True)
class Chains:
    """What the dependences of a program ask for.

    Attributes:
        longest: cycles of the longest chain of dependent results.
        arrival: as ``turns``, no result before the DMA engine has made all transfers that it needs.
        turns: as ``longest``, each turn of a recurrence taking what its engines need.
        barriers: cycles of the barriers on the longest chain, on a bulk-synchronous machine.
        margins: what lies around the work of the engines.
    """

    longest: int
    arrival: int
    turns: int = 0
    barriers: int = 0
    margins: Margins = field(default_factory=Margins)


def bounds(
    machine: MachineDescription,
    executed: Iterable[tuple[Work, int]],
    weights: WeightTraffic,
    chains: Chains,
    control: int,
) -> Bounds:
    """The bounds of a program.

    Args:
        machine: where it runs.
        executed: each kind of work, and how often.
        weights: its weight traffic.
        chains: what dependences ask for.
        control: cycles of its control instructions in the dispatcher.
    """
    macs = matrix = vector = 0.0
    array = units = outside = 0
    links: Counter[tuple[int, str]] = Counter()
    moving: dict[tuple[str, str], float] = defaultdict(float)
    loading: Counter[str] = Counter()
    dispatched, latency = 0, machine.dma.latency
    for work, times in executed:
        dispatched += times
        if work.macs:
            peak = machine.matrix.macs_per_cycle * rate_of(machine, work.element)
            macs += times * work.macs / peak
            matrix += times * matrix_memory_cycles(machine, work)
            spent = matrix_cost(machine, work)
            # The first weights may come while the product before streams.
            array += times * (spent.busy - spent.load)
        elif work.op in ("dma", "gather"):
            spent = dma_cost(machine, work)
            queue = transfer_queue(machine, work)
            moving[queue, "path"] += times * spent.shared
            if [access.memory for access in work.accesses[:2]] == ["wmem", "dram"]:
                loading[queue] += times * spent.shared
                latency = min(latency, spent.busy - spent.shared)
            moving[queue, "channels"] += times * spent.busy / machine.dma.channels
        else:
            vector += times * vector_memory_cycles(machine, work)
            units += times * vector_cost(machine, work).busy
            function = operation_class(work.op, work.kind)
            # What has no element never enters the units.
            if work.elements and function in IN_UNITS:
                links[work.elements, function] += times
            elif work.elements:
                outside += times * vector_cost(machine, work).last
    chain, around = machine.vector.kind == "chain", chains.margins
    return Bounds(
        macs=int(macs),
        weights=int(weights.necessary / machine.dram_bytes_per_cycle),
        on_chip=int(max(matrix, vector)),
        critical_path=chains.longest,
        passes=_passes(machine, links) + outside + around.vector if chain else 0,
        arrival=max(chains.arrival, around.transfers),
        transfers=int(max(moving.values(), default=0)),
        engines=max(
            around.engines,
            array + around.matrix if array else 0,
            units + around.vector if units and not chain else 0,
        ),
        turns=chains.turns,
        # No load is under way at a barrier, and the first one takes its latency.
        supersteps=chains.barriers + (max(loading.values()) + latency if loading else 0)
        if machine.sync.kind == "bulk"
        else 0,
        reloads=weights.moved / weights.necessary if weights.necessary else 1.0,
        dispatch=control + dispatched * control_cycles(machine, ""),
    )


def _passes(machine: MachineDescription, links: Counter[tuple[int, str]]) -> int:
    """Cycles of the fewest passes: one takes as many instructions of a class, on as many elements, as there are units.

    Args:
        machine: with an engine of kind ``chain``.
        links: how many instructions there are of a number of elements and a class of the units.
    """
    needed: dict[int, int] = {}
    for (elements, _), times in links.items():
        passes = ceil(times / machine.vector.units)
        needed[elements] = max(needed.get(elements, 0), passes)
    return sum(
        passes * (machine.vector.pass_cycles + max(ceil(elements / machine.vector.pace), 1))
        for elements, passes in needed.items()
    )
