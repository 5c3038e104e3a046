"""The tables of a report, drawn with rich."""

from __future__ import annotations

from rich import box
from rich.table import Table

from rnncc.cost.energy import EnergyUse
from rnncc.program import Program
from rnncc.report import BOUND_NAMES, STALL_NAMES, bytes_text
from rnncc.simulator import TimingResult

ONLY_SOME = ("passes", "supersteps")
"""Bounds of some machines only; left out where they say nothing."""

ENERGY_NAMES = {"macs": "products", "vector": "vector operations"}
"""Where energy goes, in words; the part's own name where none is given."""


def bound_table(program: Program, timing: TimingResult) -> Table:
    """Cycles and time, beside the lower bounds; the one that binds is marked."""
    bounds, cycles = timing.bounds, timing.cycles
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("cycles", justify="right")
    table.add_column("time", justify="right")
    table.add_column("of measured", justify="right")
    table.add_row(
        "[bold]measured[/]", f"[bold]{cycles:,}[/]", f"[bold]{_time(program, cycles)}[/]", ""
    )
    for name, words in BOUND_NAMES.items():
        value = getattr(bounds, name)
        if name in ONLY_SOME and not value:
            continue
        binds = name == bounds.binds
        again = ""
        if name in ("transfers", "supersteps") and bounds.reloads > 1.005:
            again = f", weights {bounds.reloads:.2f} times what must be moved"
        row = (
            f"bound: {words}{again}" + (" (binds)" if binds else ""),
            f"{value:,}",
            _time(program, value),
            _percent(value, cycles),
        )
        table.add_row(*(f"[bold]{cell}[/]" for cell in row) if binds else row)
    return table


def engine_table(timing: TimingResult) -> Table:
    """Use of each engine."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("engine", "instructions", "busy cycles", "use"):
        table.add_column(name, justify="left" if name == "engine" else "right")
    for name, use in timing.counters.engines.items():
        table.add_row(name, f"{use.instructions:,}", f"{use.busy:,}", f"{use.use:.1%}")
    return table


def memory_table(program: Program, timing: TimingResult) -> Table:
    """Traffic of each memory, and how much of it the program takes."""
    counters = timing.counters
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("memory", "read", "written", "used", "of"):
        table.add_column(name, justify="left" if name == "memory" else "right")
    for name in counters.read:
        used = program.memory.get(name, 0) / program.scale.get(name, 1)
        size = program.machine.memories[name].size
        table.add_row(
            name,
            bytes_text(counters.read[name]),
            bytes_text(counters.written[name]),
            bytes_text(used),
            bytes_text(size),
        )
    return table


def stall_line(timing: TimingResult) -> str:
    """MACs, operations, and where instructions waited (waits overlap each other and other work)."""
    counters = timing.counters
    stalls = ", ".join(
        f"{STALL_NAMES.get(name, name.replace('_', ' '))} {cycles:,}"
        for name, cycles in sorted(counters.stalls.items(), key=lambda item: -item[1])
        if cycles
    )
    return (
        f"{counters.macs:,} MACs, {counters.operations:,} vector operations, "
        f"{counters.instructions:,} instructions\nwaiting, in cycles: {stalls or 'none'}"
    )


def array_line(timing: TimingResult) -> str:
    """What a systolic array did: shares of the run's cycles that add up to all of it."""
    array, cycles = timing.counters.array, timing.cycles
    names = {
        "active": "multiplies",
        "weight_stall": "waits for weights",
        "weight_shift": "shifts them in",
        "non_matrix": "has no product at hand",
    }
    shares = ", ".join(f"{text} {_percent(array[name], cycles)}" for name, text in names.items())
    return f"the array: {shares}"


def setup_line(program: Program, timing: TimingResult) -> str:
    """What is loaded once and counts for no run."""
    loads = program.setup
    return (
        f"loaded once, before the first run, and not counted: {loads} constant{'' if loads == 1 else 's'} in "
        f"{timing.setup:,} cycles, {_time(program, timing.setup)}"
    )


def _time(program: Program, cycles: float) -> str:
    seconds = program.machine.seconds(cycles)
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def energy_line(energy: EnergyUse) -> str:
    """The energy of a run: the sum, the average power, and the parts, the largest first."""
    parts = sorted(energy.parts.items(), key=lambda part: -part[1])
    shares = ", ".join(
        f"{ENERGY_NAMES.get(name, name)} {value / energy.total:.0%}"
        for name, value in parts
        if value
    )
    known = "" if energy.static else " (static power not known, not counted)"
    return f"energy {_joules(energy.total)}, {energy.watts:.3g} W on average: {shares}{known}"


def _joules(picojoules: float) -> str:
    for factor, unit in ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ")):
        if picojoules >= factor:
            return f"{picojoules / factor:.3g} {unit}"
    return f"{picojoules:.3g} pJ"
