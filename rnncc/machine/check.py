"""What makes a machine description impossible or contradictory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rnncc.errors import nearest
from rnncc.machine.description import (
    MATRIX_KINDS,
    SYNC_KINDS,
    VECTOR_KINDS,
    MachineDescription,
    Memory,
)
from rnncc.machine.energy import Energy
from rnncc.machine.formats import FORMATS

ADDRESS_BITS = 40
"""Width of a byte address in an instruction; no memory may be larger."""

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


def problems(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    """What is wrong, as (dotted name of the key, reason), in the order of the file's tables."""
    if not machine.name or not all(c.islower() or c.isdigit() or c in "-_." for c in machine.name):
        yield "name", f"'{machine.name}' must be lower-case letters, digits, '-', '_' or '.'"
    for key, value in numbers(machine):
        if value < 0:
            yield key, f"{value:g} is negative"
        elif value == 0 and key not in _MAY_BE_ZERO:
            yield key, "must not be zero"
    yield from _formats(machine)
    yield from _matrix(machine)
    yield from _kinds(machine)
    yield from _vectors(machine)
    for name in ("dram", "wmem", "vmem"):
        yield from _memory(f"memories.{name}", machine.memories[name])
    yield from _energy(machine)
    yield from _sources(machine)
    yield from _calibrations(machine)


def numbers(machine: MachineDescription) -> Iterator[tuple[str, float]]:
    """Every number of a description with its dotted name."""

    def walk(prefix: str, value: Any) -> Iterator[tuple[str, float]]:
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from walk(
                    f"{prefix}.{field.name}" if prefix else field.name, getattr(value, field.name)
                )
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from walk(f"{prefix}.{key}", item)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix, value

    return walk("", machine)


def _formats(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    formats = machine.formats
    for field in dataclasses.fields(formats):
        name = getattr(formats, field.name)
        if name not in FORMATS:
            known = nearest(name, FORMATS) or f"known: {', '.join(FORMATS)}"
            yield f"formats.{field.name}", f"unknown number format '{name}' ({known})"
    for key in machine.matrix.rates:
        for name in key.split("x"):
            if name not in FORMATS:
                known = nearest(name, FORMATS) or f"known: {', '.join(FORMATS)}"
                yield f"matrix.rates.{key}", f"unknown number format '{name}' ({known})"
    known = formats.weights in FORMATS and formats.accumulate in FORMATS
    if known and _is_integer(formats.weights) != _is_integer(formats.accumulate):
        kinds = ("whole numbers", "floating point")
        made, kept = kinds if _is_integer(formats.weights) else kinds[::-1]
        text = f"products of {formats.weights} are {made}, sums in {formats.accumulate} are {kept}"
        yield "formats.accumulate", text
    elif known and FORMATS[formats.accumulate].bits < FORMATS[formats.weights].bits:
        text = f"sums in {formats.accumulate} are narrower than weights in {formats.weights}"
        yield "formats.accumulate", text
    if machine.matrix.rate(formats.weights, formats.activations) is None:
        pair = f"{formats.weights}x{formats.activations}"
        yield "matrix.rates", f"no rate for the machine's own formats: add '{pair}'"


def _is_integer(name: str) -> bool:
    return name.startswith("int")


def _kinds(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    """Kinds of engines and hand-over, and numbers that mean nothing for their kind."""
    vector, sync = machine.vector, machine.sync
    for key, what, kind, kinds in (
        ("matrix.kind", "kind of matrix engine", machine.matrix.kind, MATRIX_KINDS),
        ("vector.kind", "kind of vector engine", vector.kind, VECTOR_KINDS),
        ("sync.kind", "kind of hand-over", sync.kind, SYNC_KINDS),
    ):
        if kind not in kinds:
            known = nearest(kind, kinds) or f"known: {', '.join(kinds)}"
            yield key, f"unknown {what} '{kind}' ({known})"
    if vector.kind == "chain" and not machine.chaining:
        yield "chaining", "must be true: the vector engine is of kind 'chain'"
    if vector.kind == "simd" and vector.chain_cycles:
        yield "vector.chain_cycles", "means nothing for a vector engine of kind 'simd'"
    if machine.dma.host_latency and not machine.dma.host_bytes_per_cycle:
        yield "dma.host_latency", "means nothing without dma.host_bytes_per_cycle"
    if sync.kind == "bulk" and not (sync.cycles or sync.bytes_per_cycle):
        yield "sync.cycles", "a bulk-synchronous machine has a barrier or an exchange: both are 0"
    if sync.kind == "interlock" and (sync.cycles or sync.bytes_per_cycle):
        key = "sync.cycles" if sync.cycles else "sync.bytes_per_cycle"
        yield key, "means nothing for a hand-over of kind 'interlock'"


def _matrix(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    matrix, wmem = machine.matrix, machine.memories.wmem
    if matrix.lanes > matrix.columns:
        yield (
            "matrix.lanes",
            f"{matrix.lanes} lanes are more than the {matrix.columns} columns of a tile",
        )
    if matrix.kind == "systolic" and not matrix.weight_load_cycles:
        yield (
            "matrix.weight_load_cycles",
            "a systolic array shifts its weights in: must not be zero",
        )
    if matrix.sparse_rate > 1:
        yield "matrix.sparse_rate", f"{matrix.sparse_rate:g} is more than 1"
    if machine.formats.weights in FORMATS:
        tile = (
            matrix.rows * matrix.columns * machine.native_bytes("wmem") if matrix.columns > 0 else 0
        )
        if tile > wmem.size:
            yield (
                "memories.wmem.size",
                f"{wmem.size} bytes cannot hold one native tile of {matrix.rows} x "
                f"{matrix.columns} ({tile:.0f} bytes)",
            )


def _vectors(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    """The vector memory holds what goes into one native tile and what comes out."""
    if machine.formats.activations not in FORMATS:
        return
    matrix, vmem = machine.matrix, machine.memories.vmem
    needed = (
        (matrix.rows + matrix.columns) * machine.native_bytes("vmem") if matrix.columns > 0 else 0
    )
    if needed > vmem.size:
        text = f"{vmem.size} bytes cannot hold the {matrix.columns} inputs and {matrix.rows} outputs of a native tile"
        yield "memories.vmem.size", text


def _memory(key: str, memory: Memory) -> Iterator[tuple[str, str]]:
    if memory.granule > 0 and memory.granule & (memory.granule - 1):
        yield f"{key}.granule", f"{memory.granule} is not a power of two"
    if memory.granule > memory.size:
        yield (
            f"{key}.granule",
            f"{memory.granule} is more than the whole memory of {memory.size} bytes",
        )
    if memory.size > 1 << ADDRESS_BITS:
        yield (
            f"{key}.size",
            f"{memory.size} bytes are beyond the {ADDRESS_BITS}-bit addresses of the instruction "
            f"set",
        )


def _energy(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    """A file that describes energy describes all of it that is counted."""
    given = machine.energy != Energy()
    for name in ("process_nm", "volts", "dram_pj_per_byte"):
        if given and not getattr(machine.energy, name):
            yield f"energy.{name}", "must not be zero in an [energy] table"


def _sources(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    known = {key for key, _ in numbers(machine)} | {
        "chaining",
        "dma.duplex",
        "dma.local",
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
                yield f"{group}.{name}", f"'{name}' is no number of the description{suffix}"


def _calibrations(machine: MachineDescription) -> Iterator[tuple[str, str]]:
    """What was calibrated says on what."""
    for name in machine.calibrated:
        parts = name.split(".")
        known = (".".join(parts[:n]) in machine.sources for n in range(1, len(parts) + 1))
        if not any(known):
            yield "calibrated", f"'{name}' was calibrated, but [sources] does not say on what"


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
