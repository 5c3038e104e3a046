"""What a run tells a person (a table) and a program (a dictionary)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnncc.program.batch import ORDERS

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from rnncc.program import Program
    from rnncc.reference import Comparison
    from rnncc.simulator import SimulationResult
    from rnncc.skipped import Skipped
    from rnncc.speculated import Speculated

BOUND_NAMES = {
    "macs": "multiply-accumulates at peak rate",
    "weights": "weights from DRAM",
    "on_chip": "on-chip reads",
    "critical_path": "critical path",
    "passes": "passes of the vector units",
    "arrival": "what the chain needs arrives, then its rest",
    "transfers": "DMA transfers",
    "engines": "the busiest engine",
    "turns": "turns of the recurrence on their engines",
    "supersteps": "loads of weights and barriers",
    "dispatch": "dispatch of all instructions",
}
"""What binds, in words."""

STALL_NAMES = {
    "raw": "needs a result (RAW)",
    "war": "overwrites what is still read (WAR)",
    "waw": "write order (WAW)",
    "barrier": "barrier and exchange",
}
"""Causes of stalls in words; the simulator's own name where none is given."""


@dataclass
class Report:
    """The figures of one run.

    ``print(report)`` gives the table as text, ``to_dict()`` everything as numbers, strings and dicts.
    """

    program: Program
    simulation: SimulationResult
    lengths: dict[str, int]
    model: str = ""
    check: list[Comparison] = field(default_factory=list)
    check_source: str = ""
    check_limit: float | None = None
    skipped: list[Skipped] = field(default_factory=list)
    """What each gate of the program skipped (`gate-frames`); empty without values."""
    speculated: list[Speculated] = field(default_factory=list)
    """What the guesses of each generator were worth (`speculate-words`); empty without values."""

    @classmethod
    def of(
        cls, program: Program, simulation: SimulationResult, lengths: Mapping[str, int]
    ) -> Report:
        """The report of a simulation."""
        actual = {
            name: lengths.get(name, symbol.maximum) for name, symbol in program.symbols.items()
        }
        return cls(program, simulation, actual)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        machine = self.program.machine
        result = {
            "model": self.model,
            **self.simulation.to_dict(),
            "lengths": self.lengths,
            "clock_hz": machine.clock_hz,
            "formats": {
                "weights": machine.formats.weights,
                "activations": machine.formats.activations,
                "values": _value_formats(self.program),
            },
            "program": {
                "instructions": len(self.program.words),
                "memory": dict(self.program.memory),
                **self.program.report,
            },
        }
        if self.program.batch is not None:
            result["batch"] = self.program.batch.to_dict()
        if self.skipped:
            result["skipped"] = [gate.to_dict() for gate in self.skipped]
        if self.speculated:
            result["speculated"] = [found.to_dict() for found in self.speculated]
        if self.check:
            result["check"] = {
                "reference": self.check_source,
                "limit": self.check_limit,
                "approximate": self.approximate,
                "outputs": [
                    {"name": row.name, "error": row.error, "ok": row.problem is None}
                    for row in self.check
                ],
            }
        return result

    @property
    def approximate(self) -> list[str]:
        """The passes that have changed the program's values, within their thresholds."""
        return list(self.program.report.get("approximate", []))

    def print(self, console: Console | None = None) -> None:
        """Print the table, on standard output unless a console is given."""
        from rich.console import Console

        console = console or Console(highlight=False)
        for part in self._parts():
            # Sentences are left to the terminal to wrap; a pipe gets whole lines.
            console.print(part, soft_wrap=isinstance(part, str))

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        self.print(Console(file=text, width=110, highlight=False))
        return text.getvalue().rstrip("\n")

    def _parts(self) -> Iterator[RenderableType]:
        machine, timing = self.program.machine, self.simulation.timing
        lengths = "".join(f", {name} = {value}" for name, value in self.lengths.items())
        yield f"[bold]{self.model or 'program'}[/] on [bold]{machine.name}[/] ({machine.title}){lengths}"
        yield _numbers_line(self.program)
        if "static_time" in self.program.report:
            yield f"time is fixed: {self.program.report['static_time']}"
        if self.program.batch is not None:
            yield f"{_rows(self.program)}: {ORDERS[self.program.batch.order]}"
        if timing is not None:
            from rnncc.report_tables import (
                array_line,
                bound_table,
                energy_line,
                engine_table,
                memory_table,
                setup_line,
                stall_line,
            )

            yield ""
            yield bound_table(self.program, timing)
            yield engine_table(timing)
            yield memory_table(self.program, timing)
            yield stall_line(timing)
            if machine.matrix.kind == "systolic":
                yield array_line(timing)
            if timing.energy is not None:
                yield energy_line(timing.energy)
            if self.program.setup:
                yield setup_line(self.program, timing)
        for counted in (*self.skipped, *self.speculated):
            yield str(counted)
        fine = f"approximate by {', '.join(self.approximate)}" if self.approximate else "ok"
        if self.check_limit is not None and not self.approximate:
            from rnncc.reference import judged_by_mean

            weights = self.program.machine.formats.weights
            how = "root mean square, " if judged_by_mean(self.check_limit, weights) else ""
            fine += f" ({how}up to {self.check_limit:g} is allowed for {weights})"
        for row in self.check:
            verdict = (
                f"[green]{fine}[/]" if row.problem is None else f"[red]WRONG[/]: {row.problem}"
            )
            yield f"check {row.name} against {self.check_source}: relative error {row.error:.2g}  {verdict}"


def _value_formats(program: Program) -> list[str]:
    kinds = {s.dtype for s in program.segments if s.dtype.startswith(("f", "bf"))}
    return sorted(kinds) or sorted({s.dtype for s in program.segments})


def _rows(program: Program) -> str:
    assert program.batch is not None
    (rows,) = next(p.shape for p in program.inputs if p.name == program.batch.lengths)
    if program.batch.order == "slots":
        return f"up to {program.batch.requests} requests in {rows} slots"
    return f"{rows} sequences with lengths in '{program.batch.lengths}'"


def _numbers_line(program: Program) -> str:
    formats = program.machine.formats
    values = ", ".join(_value_formats(program)) or "none"
    counted = f"{formats.weights} weights, {formats.activations} activations"
    if program.numerics == "exact":
        return f"numerics exact: values in {values}; cycles count {counted}"
    return f"numerics machine: values and cycles in {counted}"


def program_summary(program: Program) -> str:
    """One line on a program: instructions, memory, lengths."""
    parts = [f"{len(program.words)} instructions for {program.machine.name}"]
    constants = sum(s.nbytes for s in program.segments if s.kind == "const")
    parts.append(f"constants {bytes_text(constants)}")
    parts += [
        f"{name} {bytes_text(used)}" for name, used in program.memory.items() if name != "dram"
    ]
    parts += [f"{name} <= {symbol.maximum}" for name, symbol in program.symbols.items()]
    return ", ".join(parts)


def bytes_text(count: float) -> str:
    """A number of bytes in the largest unit of which it has one, ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


__all__ = ["BOUND_NAMES", "STALL_NAMES", "Report", "bytes_text", "program_summary"]
