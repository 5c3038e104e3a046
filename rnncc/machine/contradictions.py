"""Numbers of a description that cannot be true together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

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
from rnncc.machine.problem import Problem

ADDRESS_BITS = 40
"""Width of a byte address in an instruction; no memory may be larger."""


FORMAT_KEYS = ("formats.weights", "formats.activations", "formats.accumulate")


def contradictions(machine: MachineDescription) -> Iterator[Problem]:
    """What contradicts what, and names that are not known."""
    yield from _formats(machine)
    yield from _sums(machine)
    yield from _rates(machine)
    yield from _matrix(machine)
    yield from _kinds(machine)
    for name in ("dram", "wmem", "vmem"):
        yield from _memory(f"memories.{name}", machine.memories[name])
    yield from _tiles(machine)
    yield from _energy(machine)


def _formats(machine: MachineDescription) -> Iterator[Problem]:
    formats = machine.formats
    for field in dataclasses.fields(formats):
        yield from _format(f"formats.{field.name}", getattr(formats, field.name))
    for key in machine.matrix.rates:
        for name in key.split("x"):
            yield from _format(f"matrix.rates.{key}", name)


def _format(key: str, name: str) -> Iterator[Problem]:
    if name not in FORMATS:
        known = nearest(name, FORMATS) or f"known: {', '.join(FORMATS)}"
        yield Problem(key, f"unknown number format '{name}' ({known})")


def _sums(machine: MachineDescription) -> Iterator[Problem]:
    """The matrix engine's sums can hold its products."""
    formats = machine.formats
    weights, activations, sums = formats.weights, formats.activations, formats.accumulate
    if not {weights, activations, sums} <= set(FORMATS):
        return
    others = tuple(key for key in FORMAT_KEYS if key != "formats.accumulate")
    whole = weights.startswith("int") and activations.startswith("int")
    if sums.startswith("bfp"):
        reason = "products are added up one by one, and block floating point has one exponent for a whole block"
        yield Problem("formats.accumulate", reason)
    elif whole != sums.startswith("int"):
        kinds = ("whole numbers", "floating point")
        made, kept = kinds if whole else kinds[::-1]
        same = weights == activations or not (weights + activations).count("int")
        pair = weights if same else f"{weights} and {activations}"
        reason = f"products of {pair} are {made}, sums in {sums} are {kept}"
        yield Problem("formats.accumulate", reason, others)
    else:
        # Floating-point vectors are rounded to the weights' format on their way in.
        for key, name in zip(FORMAT_KEYS, (weights, activations)[: 1 + whole], strict=False):
            if FORMATS[sums].bits < FORMATS[name].bits:
                what = key.partition(".")[2]
                reason = f"sums in {sums} are narrower than {what} in {name}"
                yield Problem("formats.accumulate", reason, (key,))


def _rates(machine: MachineDescription) -> Iterator[Problem]:
    formats = machine.formats
    if machine.matrix.rate(formats.weights, formats.activations) is None:
        pair = f"{formats.weights}x{formats.activations}"
        reason = f"no rate for the machine's own formats: add '{pair}'"
        yield Problem("matrix.rates", reason, FORMAT_KEYS[:2])


def _kinds(machine: MachineDescription) -> Iterator[Problem]:
    """Kinds of engines and hand-over, and numbers that mean nothing for their kind."""
    vector, sync = machine.vector, machine.sync
    for key, what, kind, kinds in (
        ("matrix.kind", "kind of matrix engine", machine.matrix.kind, MATRIX_KINDS),
        ("vector.kind", "kind of vector engine", vector.kind, VECTOR_KINDS),
        ("sync.kind", "kind of hand-over", sync.kind, SYNC_KINDS),
    ):
        if kind not in kinds:
            known = nearest(kind, kinds) or f"known: {', '.join(kinds)}"
            yield Problem(key, f"unknown {what} '{kind}' ({known})")
    if vector.kind == "chain" and not machine.chaining:
        reason = "must be true: the vector engine is of kind 'chain'"
        yield Problem("chaining", reason, ("vector.kind",))
    if vector.kind == "simd" and vector.chain_cycles:
        reason = "means nothing for a vector engine of kind 'simd'"
        yield Problem("vector.chain_cycles", reason, ("vector.kind",))
    if machine.dma.host_latency and not machine.dma.host_bytes_per_cycle:
        reason = "means nothing without dma.host_bytes_per_cycle"
        yield Problem("dma.host_latency", reason, ("dma.host_bytes_per_cycle",))
    if machine.dma.whole_weight_tiles and machine.memories.wmem.cache:
        reason = "a weight memory that is a cache takes what is asked for, not tiles"
        yield Problem("dma.whole_weight_tiles", reason, ("memories.wmem.cache",))
    if sync.kind == "bulk" and not (sync.cycles or sync.bytes_per_cycle):
        reason = "a bulk-synchronous machine has a barrier or an exchange: both are 0"
        yield Problem("sync.cycles", reason, ("sync.bytes_per_cycle", "sync.kind"))
    if sync.kind == "interlock" and (sync.cycles or sync.bytes_per_cycle):
        key = "sync.cycles" if sync.cycles else "sync.bytes_per_cycle"
        yield Problem(key, "means nothing for a hand-over of kind 'interlock'", ("sync.kind",))


def _matrix(machine: MachineDescription) -> Iterator[Problem]:
    matrix = machine.matrix
    if matrix.lanes > matrix.columns:
        reason = f"{matrix.lanes} lanes are more than the {matrix.columns} columns of a tile"
        yield Problem("matrix.lanes", reason, ("matrix.columns",))
    if matrix.sparse_rate > 1:
        yield Problem("matrix.sparse_rate", f"{matrix.sparse_rate:g} is more than 1")
    if matrix.kind == "systolic" and not matrix.weight_load_cycles:
        reason = "a systolic array shifts its weights in: must not be zero"
        yield Problem("matrix.weight_load_cycles", reason, ("matrix.kind",))


def _tiles(machine: MachineDescription) -> Iterator[Problem]:
    """Memories hold a native tile of weights, and what goes into it and comes out."""
    matrix, memories = machine.matrix, machine.memories
    rows, columns = matrix.rows, matrix.columns
    others = ("matrix.rows", "matrix.columns")
    if columns <= 0:
        return
    if machine.formats.weights in FORMATS:
        tile = rows * columns * machine.native_bytes("wmem")
        for name in ("wmem", "dram"):
            size = memories[name].size
            if tile > size:
                reason = f"{size} bytes cannot hold one native tile of {rows} x {columns} ({tile:.0f} bytes)"
                yield Problem(f"memories.{name}.size", reason, (*others, "formats.weights"))
    if machine.formats.activations in FORMATS:
        size = memories.vmem.size
        if (rows + columns) * machine.native_bytes("vmem") > size:
            reason = (
                f"{size} bytes cannot hold the {columns} inputs and {rows} outputs of a native tile"
            )
            yield Problem("memories.vmem.size", reason, (*others, "formats.activations"))


def _memory(key: str, memory: Memory) -> Iterator[Problem]:
    granule, size = memory.granule, memory.size
    if granule > 0 and granule & (granule - 1):
        yield Problem(f"{key}.granule", f"{granule} is not a power of two")
    if granule > size:
        reason = f"{granule} is more than the whole memory of {size} bytes"
        yield Problem(f"{key}.granule", reason, (f"{key}.size",))
    if size > 1 << ADDRESS_BITS:
        reason = f"{size} bytes are beyond the {ADDRESS_BITS}-bit addresses of the instruction set"
        yield Problem(f"{key}.size", reason)


def _energy(machine: MachineDescription) -> Iterator[Problem]:
    """A file that describes energy describes all of it that is counted."""
    given = machine.energy != Energy()
    for name in ("process_nm", "volts", "dram_pj_per_byte"):
        if given and not getattr(machine.energy, name):
            yield Problem(f"energy.{name}", "must not be zero in an [energy] table")
