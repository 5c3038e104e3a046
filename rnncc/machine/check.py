"""What makes a machine description impossible or contradictory."""

from __future__ import annotations

from collections.abc import Iterator

from rnncc.machine.contradictions import contradictions
from rnncc.machine.description import MachineDescription
from rnncc.machine.limits import limits
from rnncc.machine.origins import origins
from rnncc.machine.problem import Problem, numbers

_MAY_BE_ZERO = frozenset(
    {
        "matrix.weight_load_cycles",
        "matrix.lanes",
        "matrix.sparse_rate",
        "dma.latency",
        "control.loop_cycles",
        "control.read_latency",
        "control.branch_cycles",
        "energy.process_nm",
        "energy.volts",
        "energy.dram_pj_per_byte",
        "energy.static_watts",
        "dma.host_bytes_per_cycle",
        "dma.host_latency",
        "vector.chain_cycles",
        "sync.cycles",
        "sync.bytes_per_cycle",
    }
)


def problems(machine: MachineDescription) -> Iterator[Problem]:
    """What is wrong, in the order of the file's tables."""
    yield from _texts(machine)
    for key, value in numbers(machine):
        if value < 0:
            yield Problem(key, f"{value:g} is negative")
        elif value == 0 and key not in _MAY_BE_ZERO:
            yield Problem(key, "must not be zero")
        elif value and (span := limits(key)) is not None and not span[0] <= value <= span[1]:
            yield Problem(key, f"{value:g} is beyond any machine: {span[0]:g} to {span[1]:g}")
    yield from contradictions(machine)
    yield from origins(machine)


def _texts(machine: MachineDescription) -> Iterator[Problem]:
    if not machine.name or not all(c.islower() or c.isdigit() or c in "-_." for c in machine.name):
        yield Problem(
            "name", f"'{machine.name}' must be lower-case letters, digits, '-', '_' or '.'"
        )
    texts = {key: getattr(machine, key) for key in ("title", "description", "source")}
    for key, text in {**texts, **{f"sources.{k}": v for k, v in machine.sources.items()}}.items():
        strange = [c for c in text if not c.isprintable() and (key == "title" or c not in "\n\t")]
        if strange:
            yield Problem(key, f"has a control character ({strange[0]!r})")
