"""``rnncc bench tpu-paper``: applications of Jouppi et al. (ISCA 2017), with what the array did.

Timing only. Throughput counts the operations that the application needs, not those of padding; a MAC is two.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from rnncc.bench.silicon.options import add_common, number, percent, targets
from rnncc.bench.silicon.published import APPLICATIONS, PREDICTED_APPLICATIONS, SHARES

if TYPE_CHECKING:
    from rnncc.bench.silicon.rows import ApplicationRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc bench tpu-paper``."""
    add_common(parser, "tpu-v1, which means TPU v1 in the format that each application ran in")


def main(args: argparse.Namespace) -> int:
    """Measure and print."""
    from rnncc.bench.silicon.rows import geometric_mean, measure_application
    from rnncc.progress import stage

    # The paper's machine is one, with 8-bit or 16-bit activations.
    chosen = [None if name == "tpu-v1" else name for name in targets(args.target or "tpu-v1")]
    rows: list[ApplicationRow] = []
    with stage("measuring") as progress:
        for target in chosen:
            for application in (*APPLICATIONS, *PREDICTED_APPLICATIONS):
                rows.append(measure_application(application, target, args.pipeline))
                progress(len(rows) / (len(chosen) * len((*APPLICATIONS, *PREDICTED_APPLICATIONS))))
    errors, predicted = (
        [row.error for row in rows if row.error is not None and row.predicted is kind]
        for kind in (False, True)
    )
    if args.json:
        result = {
            "rows": [row.to_dict() for row in rows],
            "geometric_mean": geometric_mean(errors) if errors else None,
            "geometric_mean_predicted": geometric_mean(predicted) if predicted else None,
        }
        print(json.dumps(result, indent=2))
        return 0
    _print(rows)
    if errors:
        print(
            f"geometric mean of measured against published: {geometric_mean(errors):.3f} (1 = equal)"
        )
    if predicted:
        print(f"* predicted, of shapes that the paper leaves open: {geometric_mean(predicted):.3f}")
    return 0


def _print(rows: list[ApplicationRow]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=150)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("application", "machine", "TOPS", "published", "error"):
        table.add_column(name, justify="left" if name in ("application", "machine") else "right")
    for name in SHARES:
        table.add_column(f"{name.replace('_', ' ')} %", justify="right")
    for row in rows:
        published = " or ".join(f"{value:g}" for value in row.published) or "-"
        published += "*" if row.predicted and row.published else ""
        shares = [
            f"{row.shares[name]:.1f}"
            + (f" ({row.published_shares[name]:g})" if row.published_shares else "")
            for name in SHARES
        ]
        table.add_row(
            row.name.upper(), row.machine, number(row.tops), published, percent(row.error), *shares
        )
    console.print(table)
    told = "shares of cycles; the four add up to 100 %"
    if any(row.published_shares for row in rows):
        told += "; in brackets: published"
    alone = list(dict.fromkeys(row.machine for row in rows if not row.published))
    if alone:
        told += f"; nothing is published for {', '.join(alone)} on these rows"
    console.print(told)
