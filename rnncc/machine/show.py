"""A machine as a person would read it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from rnncc.machine.description import MATRIX_KINDS, SYNC_KINDS, VECTOR_KINDS, MachineDescription
from rnncc.machine.draw import draw
from rnncc.machine.formats import FORMATS
from rnncc.machine.origins import unsourced
from rnncc.machine.problem import numbers
from rnncc.machine.units import counted, cycles, size, unit

_MEMORY_ROLES = {"dram": "everything", "wmem": "weights", "vmem": "activations"}


def describe(machine: MachineDescription) -> str:
    """A drawing, and a table of formats, engines, memories, peaks, bandwidths and ridge points; lines under 120."""
    rows: list[tuple[str, str]] = [
        ("clock", f"{unit(machine.clock_hz, 'Hz')}"),
        ("formats", f"weights {machine.formats.weights}, activations {machine.formats.activations}, "
                    f"sums {machine.formats.accumulate}"),
        *_matrix(machine),
        *_others(machine),
        *_memories(machine),
        *_limits(machine),
        *_energy(machine),
    ]  # fmt: skip
    width = max(len(name) for name, _ in rows)
    lines = [
        f"{machine.name}: {machine.title}",
        *_wrap(machine.description),
        *_wrap(f"source: {machine.source}"),
        "",
    ]
    lines += [f"  {line}".rstrip() for line in draw(machine).splitlines()]
    lines += ["", *(f"  {name:<{width}}  {text}" for name, text in rows)]
    if machine.calibrated:
        lines += ["", "  calibrated, not published:"]
        for name in machine.calibrated:
            lines += _wrap(f"{name}: {source_of(machine, name)}", "    ")
    if missing := unsourced(machine):
        lines += ["", *_wrap(f"without a source of their own: {', '.join(missing)}")]
    return "\n".join(lines) + "\n"


def sources(machine: MachineDescription) -> str:
    """Every number of a machine in the order of its file, with its source; what was calibrated is marked."""
    found, missing = list(numbers(machine)), unsourced(machine)
    width = max(len(key) for key, _ in found)
    lines = [f"{machine.name}: {machine.title}", *_wrap(f"source: {machine.source}"), ""]
    for key, value in found:
        where = source_of(machine, key)
        if not where and key not in missing:
            continue  # what the machine has not
        mark = " (calibrated)" if _covers(machine.calibrated, key) else ""
        lines.append(f"  {key:<{width}}  {value:>14,.10g}{mark}  {where or 'no source'}")
    return "\n".join(lines) + "\n"


def source_of(machine: MachineDescription, key: str) -> str:
    """The source of a number: its own, or that of the nearest table around it; "" where there is none."""
    parts = key.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((machine.sources[name] for name in names if name in machine.sources), "")


def _covers(names: Iterable[str], key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def summary(machine: MachineDescription) -> str:
    """One line: name, title, peak and bandwidth."""
    peak = unit(2 * machine.peak_macs_per_cycle * machine.clock_hz, "OP/s")
    traffic = unit(machine.dram_bytes_per_cycle * machine.clock_hz, "B/s")
    return f"{machine.name:<15} {machine.title:<24} {peak:>12}  {machine.formats.weights:<11} dram {traffic}"


def ridge_point(machine: MachineDescription) -> float:
    """MACs a byte of DRAM traffic at which the matrix engine and the DRAM take equally long."""
    return machine.peak_macs_per_cycle / machine.dram_bytes_per_cycle


def _matrix(machine: MachineDescription) -> list[tuple[str, str]]:
    matrix = machine.matrix
    lanes = f", {matrix.lanes} inputs a cycle" if matrix.lanes else ""
    rates = ", ".join(f"{name} x{rate:g}" for name, rate in matrix.rates.items())
    loading = (
        f"a tile loads in {matrix.weight_load_cycles} cycles, {matrix.weight_buffers} at once"
        if matrix.weight_load_cycles
        else "weights read in place"
    )
    array = f"{matrix.count} x {matrix.rows} x {matrix.columns}"
    return [
        ("matrix", f"{array}{lanes}; {matrix.kind}: {MATRIX_KINDS[matrix.kind]}"),
        ("", f"{loading}; {matrix.depth} cycles deep; rates {rates}"),
    ]  # fmt: skip


def _others(machine: MachineDescription) -> list[tuple[str, str]]:
    vector, dma, control = machine.vector, machine.dma, machine.control
    depth, queue = vector.depth, control.queue_depth
    ways = [
        text
        for text, has in (
            ("writes in a queue of their own", dma.duplex),
            ("copies within the chip too", dma.local),
            ("weights as whole tiles", dma.whole_weight_tiles),
            (f"the host at {unit(dma.host_bytes_per_cycle * machine.clock_hz, 'B/s')} each way, "
             f"{dma.host_latency} cycles away", dma.host_bytes_per_cycle),
        )
        if has
    ]  # fmt: skip
    return [
        ("vector", f"{vector.units} x {vector.lanes} lanes; {vector.kind}: {VECTOR_KINDS[vector.kind]}"),
        ("", f"cycles deep: simple {depth.simple}, multiply {depth.multiply}, divide {depth.divide}, "
             f"transcendental {depth.transcendental}, reduce {depth.reduce}"),
        ("dma", f"{counted(dma.channels, 'channel')}, {unit(dma.bytes_per_cycle * machine.clock_hz, 'B/s')}, "
                f"{dma.latency} cycles of latency"),
        *([("", "; ".join(ways))] if ways else []),
        ("control", f"an instruction every {cycles(control.dispatch_cycles)}; queues: dma {queue.dma}, "
                    f"matrix {queue.matrix}, vector {queue.vector}; chaining {'yes' if machine.chaining else 'no'}"),
        ("hand-over", f"{machine.sync.kind}: {SYNC_KINDS[machine.sync.kind]}"),
    ]  # fmt: skip


def _memories(machine: MachineDescription) -> list[tuple[str, str]]:
    rows = []
    for name, role in _MEMORY_ROLES.items():
        memory = machine.memories[name]
        traffic = unit(memory.bytes_per_cycle * machine.clock_hz, "B/s")
        elements = int(memory.size / machine.native_bytes(name))
        text = f"{size(memory.size):>8} for {role}, {traffic}, {counted(memory.ports, 'port')}"
        text += f", {memory.granule}-byte granule"
        rows.append((name, text if name == "dram" else f"{text}, {elements:,} elements"))
    return rows


def _limits(machine: MachineDescription) -> list[tuple[str, str]]:
    """Peak and ridge point of the machine's own formats, then of each other pair that the array multiplies."""
    peak = machine.peak_macs_per_cycle
    weight = FORMATS[machine.formats.weights].bytes_per_element(machine.matrix.columns)
    own = {f"{machine.formats.weights}x{machine.formats.activations}"}
    if machine.formats.weights == machine.formats.activations:
        own.add(machine.formats.weights)
    rows = [
        ("peak", f"{peak:,.0f} MACs a cycle, {unit(2 * peak * machine.clock_hz, 'OP/s')} (a MAC is two)"),
        ("ridge", f"{ridge_point(machine):,.1f} MACs a byte of DRAM traffic: a weight of {_bytes(weight)} must serve "
                  f"{ridge_point(machine) * weight:,.0f} MACs to keep the array busy"),
    ]  # fmt: skip
    for pair, rate in machine.matrix.rates.items():
        if pair in own or rate * machine.matrix.macs_per_cycle == peak:
            continue
        other = rate * machine.matrix.macs_per_cycle
        rows.append(
            ("", f"in {pair}: peak {unit(2 * other * machine.clock_hz, 'OP/s')}, "
                 f"ridge {other / machine.dram_bytes_per_cycle:,.1f} MACs a byte")
        )  # fmt: skip
    return rows


def _bytes(count: float) -> str:
    return "1 byte" if count == 1 else f"{count:.3g} bytes"


def _energy(machine: MachineDescription) -> list[tuple[str, str]]:
    if not machine.energy.described:
        return []
    from rnncc.cost.energy import byte_pj, mac_pj

    bytes_of = ", ".join(f"{name} {byte_pj(machine, name):.3g}" for name in _MEMORY_ROLES)
    silicon = f"{machine.energy.process_nm:g} nm at {machine.energy.volts:g} V"
    if machine.energy.static_watts:
        silicon += f"; {machine.energy.static_watts:g} W whatever it does"
    return [("energy", f"{mac_pj(machine):.3g} pJ a MAC; pJ a byte: {bytes_of}; {silicon}")]


def _wrap(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent)
