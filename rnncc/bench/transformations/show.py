"""The table of the transformations, for people."""

from __future__ import annotations

from rnncc.bench.transformations.row import Row

COLUMNS = (
    ("model", "left"),
    ("machine", "left"),
    ("change", "left"),
    ("without", "right"),
    ("with", "right"),
    ("gain", "right"),
    ("bound", "right"),
    ("binds", "left"),
    ("floor", "left"),
)
WIDTH = 150
"""Of the table where the output is no terminal, whose width would be."""


def print_table(rows: list[Row]) -> None:
    """Print the rows, grouped by the unit of work, then what could not be measured."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    for unit in dict.fromkeys(row.unit for row in rows):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"cycles a {unit}")
        table.title_justify = "left"
        for name, side in COLUMNS:
            table.add_column(name, justify=side)  # pyright: ignore[reportArgumentType]
        for row in rows:
            if row.unit == unit:
                style = {"ok": "green", "missed": "red"}.get(row.verdict, "")
                table.add_row(
                    *row.cells()[:-1],
                    f"[{style}]{row.cells()[-1]}[/]" if style else row.cells()[-1],
                )
        console.print(table)
    said: dict[str, list[str]] = {}
    for row in rows:
        if row.note or row.problem:
            words = f"cannot be measured: {row.problem}" if row.problem else row.note
            said.setdefault(f"{row.model}, {row.change}: {words}", []).append(row.target)
    for text, targets in said.items():
        console.print(f"{text} ({', '.join(targets)})", soft_wrap=True, markup=False)
