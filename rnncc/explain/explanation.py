"""What a compilation did to a model: the entries of every pass, as text and as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnncc.explain.facts import Facts
from rnncc.explain.record import Entry
from rnncc.report import BOUND_NAMES, bytes_text, program_summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from rnncc.program import Program

COLUMNS = ("", "steps", "products", "MACs", "weights moved", "cycles", "change")
WIDTH = 110
"""Of the text where the output is no terminal."""


@dataclass(frozen=True)
class Explanation:
    """The way of one model through one pipeline.

    ``print(explanation)`` gives the text, ``to_dict()`` everything as numbers, strings and dicts.

    Attributes:
        model: its file, or "" for one in memory.
        pipeline: as given.
        entries: one for each pass above the machine, in order.
        first: the figures of the model as it is written, in our dialects; None when they cannot be had.
        program: the compiled program.
        lengths: the longest lengths, at which everything is counted.
        sampled: on what inputs it was timed, "random inputs" or "the inputs given"; "" where data change no cycle.
        unscheduled: the last figures with instructions in the order of the lowering; None where nothing is ordered.
    """

    model: str
    pipeline: str
    entries: tuple[Entry, ...]
    first: Facts | None
    program: Program
    lengths: dict[str, int]
    sampled: str
    unscheduled: Facts | None = None

    @property
    def last(self) -> Facts | None:
        """The figures after the last pass that changed something."""
        return next((e.facts for e in reversed(self.entries) if e.facts is not None), self.first)

    @property
    def base(self) -> Facts | None:
        """What the last figures are to be compared with: the first ones of the same work."""
        place = max((i for i, e in enumerate(self.entries) if e.renewed and e.facts), default=None)
        return self.first if place is None else self.entries[place].facts

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "model": self.model,
            "machine": self.program.machine.name,
            "pipeline": self.pipeline,
            "lengths": dict(self.lengths),
            "sampled": self.sampled,
            "unscheduled": self.unscheduled.to_dict() if self.unscheduled else None,
            "first": self.first.to_dict() if self.first else None,
            "base": self.base.to_dict() if self.base else None,
            "last": self.last.to_dict() if self.last else None,
            "passes": [entry.to_dict() for entry in self.entries],
            "summary": self._end(),
        }

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        self.print(Console(file=text, width=WIDTH, highlight=False))
        return text.getvalue().rstrip("\n")

    def print(self, console: Console | None = None) -> None:
        """Print the text, on standard output unless a console is given."""
        from rich.console import Console

        console = console or Console(highlight=False)
        if not console.is_terminal:
            console = Console(file=console.file, width=WIDTH, highlight=False)
        console.print(self._title(), soft_wrap=True)
        if self.first is not None:
            console.print(self._table())
        for entry in self.entries:
            for text in [
                *entry.remarks,
                *([f"cannot be measured: {entry.why}"] if entry.why else []),
            ]:
                console.print(f"{entry.name}: {text}", soft_wrap=True, markup=False)
        busy = {e.name for e in self.entries if e.changed or e.remarks}
        idle = [name for name in dict.fromkeys(e.name for e in self.entries) if name not in busy]
        if idle:
            console.print(f"nothing to do for {', '.join(idle)}", soft_wrap=True)
        for text in self._end():
            console.print(text, soft_wrap=True, markup=False)

    def _title(self) -> str:
        machine = self.program.machine
        lengths = "".join(f", {name} = {value}" for name, value in self.lengths.items())
        sampled = f", cycles on {self.sampled}" if self.sampled else ""
        return (
            f"[bold]{self.model or 'the model'}[/] on [bold]{machine.name}[/] ({machine.title}), "
            f"pipeline {self.pipeline}{lengths}{sampled}"
        )

    def _table(self) -> Table:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in COLUMNS:
            table.add_column(name, justify="right" if name else "left")
        assert self.first is not None
        table.add_row("the model as it is written", *_cells(self.first), "")
        before, seen = self.first, False
        for entry in self.entries:
            if entry.facts is None:
                continue
            if not seen:
                # The first figures are those of the row above.
                seen = True
                continue
            if entry.facts != before or entry.remarks:
                change = "new work" if entry.renewed else _change(before, entry.facts)
                table.add_row(entry.name, *_cells(entry.facts), change)
            before = entry.facts
        return table

    def _end(self) -> list[str]:
        lines = [f"the program: {program_summary(self.program)}"]
        if self.unscheduled is not None and self.last is not None:
            lines.insert(
                0,
                f"schedule: {self.last.cycles:,} cycles, {self.unscheduled.cycles:,} in the order of the lowering",
            )
        first, last = self.base, self.last
        if first is not None and last is not None:
            times = first.each / last.each
            became = f"all in all {first.cycles:,} cycles became {last.cycles:,}"
            if last.sequences > 1:
                became += f" for {last.sequences} sequences, {last.each:,.0f} each"
            lines.append(
                f"{became} ({times:.2f} times as fast); "
                f"no program with this work takes fewer than {last.bound:,} ({BOUND_NAMES[last.binds]})"
            )
        return lines


def _cells(facts: Facts) -> list[str]:
    each = f" for {facts.sequences}" if facts.sequences > 1 else ""
    return [
        f"{facts.steps:,}",
        f"{facts.products:,}",
        f"{facts.macs:,}",
        bytes_text(facts.weights),
        f"{facts.cycles:,}{each}",
    ]


def _change(before: Facts, after: Facts) -> str:
    """How the cycles of one sequence changed."""
    share = after.each / before.each - 1
    return f"{share:+.1%}" if share else "="
