"""``rnncc bench deepbench``: DeepBench's recurrent layers at batch 1, beside what was published for the machine.

Timing only: cycles of one run, weights that a machine pins loaded before. On Brainwave and Plasticine a layer has its
input product, on a GPU it has not, as in the published runs; a MAC is two operations.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from rnncc.bench.silicon.options import add_common, number, percent, targets
from rnncc.bench.silicon.published import LAYERS, MILLISECONDS, published, software

if TYPE_CHECKING:
    from rnncc.bench.silicon.rows import LayerRow

TARGETS = tuple(MILLISECONDS)
"""Machines with published figures."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc bench deepbench``."""
    add_common(parser, ",".join(TARGETS))
    parser.add_argument(
        "--published", action="store_true", help="only layers that were published for the machine"
    )


def main(args: argparse.Namespace) -> int:
    """Measure and print."""
    from rnncc.bench.silicon.rows import layer_rows
    from rnncc.machine import load_machine
    from rnncc.progress import stage

    found: dict[str, list[LayerRow]] = {}
    chosen = targets(args.target or ",".join(TARGETS))
    with stage("measuring") as progress:
        for done, target in enumerate(chosen):
            known = published(load_machine(target).name)
            layers = list(known) if args.published else None
            rows = found.setdefault(target, [])
            for row in layer_rows(target, layers, args.pipeline):
                rows.append(row)
                progress((done + len(rows) / len(layers or LAYERS)) / len(chosen))
    summary = {target: _means(rows) for target, rows in found.items()}
    if args.json:
        result = {
            target: {
                "pipeline": args.pipeline or software(load_machine(target).name).pipeline,
                "rows": [row.to_dict() for row in rows],
                "geometric_mean": summary[target][0],
                "geometric_mean_predicted": summary[target][1],
            }
            for target, rows in found.items()
        }
        print(json.dumps(result, indent=2))
        return 0
    for target, rows in found.items():
        _print(target, rows, summary[target], args.pipeline)
    return 0


def _means(rows: list[LayerRow]) -> tuple[float | None, float | None]:
    """Geometric mean of the rows that were known when the machine was described, and of those predicted."""
    from rnncc.bench.silicon.rows import geometric_mean

    errors = [
        [r.error for r in rows if r.error is not None and r.predicted is p] for p in (False, True)
    ]
    known, predicted = (geometric_mean(found) if found else None for found in errors)
    return known, predicted


def _print(
    target: str,
    rows: list[LayerRow],
    means: tuple[float | None, float | None],
    pipeline: str | None,
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from rnncc.machine import load_machine
    from rnncc.report import BOUND_NAMES

    how = software(load_machine(target).name)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=150)
    told = f"pipeline {pipeline}" if pipeline else f"pipeline {how.pipeline}: {how.why}"
    console.print(f"[bold]{target}[/], {told}", soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("layer", "T", "ms", "published", "error", "cycles a step", "TFLOPS", "use"):
        table.add_column(name, justify="left" if name == "layer" else "right")
    table.add_column("of bound", justify="right")
    table.add_column("binds")
    for r in rows:
        table.add_row(
            f"{r.kind} {r.hidden}", f"{r.steps}", number(r.milliseconds),
            "-" if r.published is None else f"{r.published:g}{'*' if r.predicted else ''}",
            percent(r.error), number(r.step), number(r.tflops), f"{r.use:.1%}", f"{r.bound / r.cycles:.0%}",
            BOUND_NAMES[r.binds],
        )  # fmt: skip
    console.print(table)
    mean, predicted = means
    if mean is not None:
        console.print(f"geometric mean of measured against published: {mean:.3f} (1 = equal)")
    if predicted is not None:
        console.print(f"* predicted, no parameter was chosen with these rows: {predicted:.3f}")
    if mean is None and predicted is None:
        console.print(f"nothing is published for {target}: measured alone")
    console.print()
