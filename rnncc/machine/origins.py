"""Where a description's numbers come from: the `sources` and `calibrated` of a machine file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rnncc.errors import nearest
from rnncc.machine.description import MachineDescription
from rnncc.machine.energy import Energy
from rnncc.machine.problem import Problem, numbers

_OPTIONAL = frozenset(
    {
        "matrix.lanes",
        "matrix.sparse_rate",
        "dma.host_bytes_per_cycle",
        "dma.host_latency",
        "vector.chain_cycles",
        "sync.cycles",
        "sync.bytes_per_cycle",
    }
)
"""Numbers that a file may leave out: the machine then has no such thing."""


def origins(machine: MachineDescription) -> Iterator[Problem]:
    """Sources and calibrations name numbers that exist, and what was calibrated says on what."""
    yield from _names(machine)
    yield from _calibrations(machine)


def _names(machine: MachineDescription) -> Iterator[Problem]:
    known = {key for key, _ in numbers(machine)} | {
        "chaining",
        "dma.duplex",
        "dma.local",
        "dma.whole_weight_tiles",
        "matrix.kind",
        "vector.kind",
        "sync.kind",
    }
    known |= {f"memories.{name}.cache" for name in ("dram", "wmem", "vmem")}
    known |= {f"formats.{field.name}" for field in dataclasses.fields(machine.formats)}
    tables = {key.rsplit(".", n)[0] for key in known for n in range(1, key.count(".") + 1)}
    for group, names in (("sources", machine.sources), ("calibrated", machine.calibrated)):
        for name in names:
            if name not in known and name not in tables:
                hint = nearest(name, known | tables)
                suffix = f" ({hint})" if hint else ""
                yield Problem(
                    f"{group}.{name}", f"'{name}' is no number of the description{suffix}"
                )


def _calibrations(machine: MachineDescription) -> Iterator[Problem]:
    """What was calibrated says on what."""
    for name in machine.calibrated:
        parts = name.split(".")
        known = (".".join(parts[:n]) in machine.sources for n in range(1, len(parts) + 1))
        if not any(known):
            yield Problem(
                "calibrated", f"'{name}' was calibrated, but [sources] does not say on what"
            )


def unsourced(machine: MachineDescription) -> list[str]:
    """The numbers for which the description names no source, neither their own nor their
    table's.
    """

    def covered(key: str) -> bool:
        parts = key.split(".")
        return any(".".join(parts[:n]) in machine.sources for n in range(1, len(parts) + 1))

    return [
        key for key, _ in numbers(machine) if not covered(key) and not _is_default(key, machine)
    ]


def _is_default(key: str, machine: MachineDescription) -> bool:
    """True for an optional number left at its "has none" value."""
    if key.startswith("energy."):
        return getattr(machine.energy, key.partition(".")[2]) == getattr(
            Energy(), key.partition(".")[2]
        )
    return key in _OPTIONAL and not dict(numbers(machine))[key]
