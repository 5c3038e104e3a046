"""A machine as a person would read it."""

from __future__ import annotations

import textwrap

from rnncc.machine.description import MATRIX_KINDS, MachineDescription
from rnncc.machine.formats import FORMATS

_MEMORY_ROLES = {"dram": "everything", "wmem": "weights", "vmem": "activations"}


def describe(machine: MachineDescription) -> str:
    """A table of formats, engines, memories, peak, bandwidths and ridge point; plain text, lines under 120."""
    rows: list[tuple[str, str]] = [
        ("clock", f"{_unit(machine.clock_hz, 'Hz')}"),
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
    lines += [f"  {name:<{width}}  {text}" for name, text in rows]
    if machine.calibrated:
        lines += ["", f"  calibrated, not published: {', '.join(machine.calibrated)}"]
    return "\n".join(lines) + "\n"


def summary(machine: MachineDescription) -> str:
    """One line: name, title, peak and bandwidth."""
    peak = _unit(2 * machine.peak_macs_per_cycle * machine.clock_hz, "OP/s")
    traffic = _unit(machine.dram_bytes_per_cycle * machine.clock_hz, "B/s")
    return f"{machine.name:<10} {machine.title:<24} {peak:>12}  {machine.formats.weights:<11} dram {traffic}"


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
    size = f"{matrix.count} x {matrix.rows} x {matrix.columns}"
    return [
        ("matrix", f"{size}{lanes}; {matrix.kind}: {MATRIX_KINDS[matrix.kind]}"),
        ("", f"{loading}; {matrix.depth} cycles deep; rates {rates}"),
    ]  # fmt: skip


def _others(machine: MachineDescription) -> list[tuple[str, str]]:
    vector, dma, control = machine.vector, machine.dma, machine.control
    depth, queue = vector.depth, control.queue_depth
    return [
        ("vector", f"{vector.units} x {vector.lanes} lanes"),
        ("", f"cycles deep: simple {depth.simple}, multiply {depth.multiply}, divide {depth.divide}, "
             f"transcendental {depth.transcendental}, reduce {depth.reduce}"),
        ("dma", f"{_count(dma.channels, 'channel')}, {_unit(dma.bytes_per_cycle * machine.clock_hz, 'B/s')}, "
                f"{dma.latency} cycles of latency"),
        ("control", f"an instruction every {_cycles(control.dispatch_cycles)}; queues: dma {queue.dma}, "
                    f"matrix {queue.matrix}, vector {queue.vector}; chaining {'yes' if machine.chaining else 'no'}"),
    ]  # fmt: skip


def _memories(machine: MachineDescription) -> list[tuple[str, str]]:
    rows = []
    for name, role in _MEMORY_ROLES.items():
        memory = machine.memories[name]
        traffic = _unit(memory.bytes_per_cycle * machine.clock_hz, "B/s")
        elements = int(memory.size / machine.native_bytes(name))
        text = f"{_size(memory.size):>8} for {role}, {traffic}, {_count(memory.ports, 'port')}"
        text += f", {memory.granule}-byte granule"
        rows.append((name, text if name == "dram" else f"{text}, {elements:,} elements"))
    return rows


def _limits(machine: MachineDescription) -> list[tuple[str, str]]:
    peak = machine.peak_macs_per_cycle
    weight = FORMATS[machine.formats.weights].bytes_per_element(machine.matrix.columns)
    return [
        ("peak", f"{peak:,.0f} MACs a cycle, {_unit(2 * peak * machine.clock_hz, 'OP/s')} (a MAC is two)"),
        ("ridge", f"{ridge_point(machine):,.1f} MACs a byte of DRAM traffic: a weight of {weight:.3g} bytes must serve "
                  f"{ridge_point(machine) * weight:,.0f} MACs to keep the array busy"),
    ]  # fmt: skip


def _energy(machine: MachineDescription) -> list[tuple[str, str]]:
    if not machine.energy.described:
        return []
    from rnncc.cost.energy import byte_pj, mac_pj

    bytes_of = ", ".join(f"{name} {byte_pj(machine, name):.2g}" for name in _MEMORY_ROLES)
    silicon = f"{machine.energy.process_nm:g} nm"
    return [("energy", f"{mac_pj(machine):.2g} pJ a MAC; pJ a byte: {bytes_of}; {silicon}")]


def _unit(value: float, unit: str) -> str:
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}"


def _size(size: int) -> str:
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.4g} {unit}"
    return f"{size} B"


def _cycles(count: int) -> str:
    return "cycle" if count == 1 else f"{count} cycles"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ")
