"""What a timed run did, counted: from how often each instruction ran, and the clockwork's waiting times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnncc.cost.matrix import weight_reads
from rnncc.machine.description import MachineDescription
from rnncc.simulator.clockwork import ARRAY, STALLS, Clockwork
from rnncc.simulator.shape import ENGINE_NAMES, MEMORY_IDS, Shapes


@dataclass(frozen=True)
class EngineUse:
    """One engine.

    Attributes:
        instructions: executed.
        busy: cycles spent on them (all DMA channels together).
        use: share of the run's cycles, 0 to 1 (for DMA of all channels' cycles).
    """

    instructions: int
    busy: int
    use: float


@dataclass(frozen=True)
class Counters:
    """Counts of one run.

    Attributes:
        instructions: executed, all engines and control.
        engines: by name; ``control`` among them.
        stalls: cycles waited, by cause (``clockwork.STALLS``): of instructions for hazards (raw, war, waw), for
            their engine, the DMA data path or a slower producer they chain on; of the dispatcher for a full queue and
            for scalars it reads. Waits overlap each other and other work.
        read, written: native bytes by memory. On an ``mvm`` engine weights are read once a vector.
        macs: multiply-accumulates.
        operations: elements computed by the vector engine.
        extrapolated: loop iterations that were added instead of simulated.
        array: what the matrix engine's array did, in cycles that add up to the run's: ``active``, ``weight_stall``,
            ``weight_shift`` (``clockwork.ARRAY``), and ``non_matrix``, the rest.
    """

    instructions: int
    engines: dict[str, EngineUse]
    stalls: dict[str, int]
    read: dict[str, int]
    written: dict[str, int]
    macs: int
    operations: int
    extrapolated: int
    array: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and dicts, as for JSON."""
        return {
            "instructions": self.instructions,
            "engines": {
                name: {"instructions": use.instructions, "busy": use.busy, "use": use.use}
                for name, use in self.engines.items()
            },
            "stalls": dict(self.stalls),
            "read": dict(self.read),
            "written": dict(self.written),
            "macs": self.macs,
            "operations": self.operations,
            "extrapolated": self.extrapolated,
            "array": dict(self.array),
        }


def count(
    machine: MachineDescription, shapes: Shapes, clock: Clockwork, cycles: int, extrapolated: int
) -> Counters:
    """The counters of a finished run.

    Args:
        machine: that it ran on.
        shapes: its instructions.
        clock: the clockwork at the end.
        cycles: of the whole run.
        extrapolated: iterations added.
    """
    read = dict.fromkeys(MEMORY_IDS, 0.0)
    written = dict.fromkeys(MEMORY_IDS, 0.0)
    busy, ran = [0, 0, 0], [0, 0, 0]
    macs = operations = 0
    for timed, times in zip(shapes.all, clock.counts, strict=True):
        work = timed.work
        busy[timed.engine] += times * timed.cost.busy
        ran[timed.engine] += times
        macs += times * work.macs
        operations += times * work.elements if timed.cost.engine == "vector" else 0
        for access in work.accesses:
            nbytes = access.nbytes
            if work.macs and access.memory == "wmem":
                nbytes = weight_reads(machine, work)
            read[access.memory] += times * nbytes if access.reads else 0
            written[access.memory] += times * nbytes if access.writes else 0
    engines = {
        "control": EngineUse(clock.control, clock.control_busy, _share(clock.control_busy, cycles))
    }
    for number, name in enumerate(ENGINE_NAMES):
        servers = machine.dma.channels * machine.dma.queues if name == "dma" else 1
        engines[name] = EngineUse(ran[number], busy[number], _share(busy[number], cycles * servers))
    return Counters(
        instructions=clock.control + sum(ran),
        engines=engines,
        stalls=dict(zip(STALLS, clock.stalls, strict=True)),
        read={name: round(value) for name, value in read.items()},
        written={name: round(value) for name, value in written.items()},
        macs=macs,
        operations=operations,
        extrapolated=extrapolated,
        array={
            **dict(zip(ARRAY, clock.array, strict=True)),
            "non_matrix": cycles - sum(clock.array),
        },
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
