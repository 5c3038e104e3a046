"""``rnncc bench fill``: what fills a machine that the recurrence of one sequence leaves idle.

A step of one sequence waits for the step before, while the array stands still. More sequences side by side (the
pipeline `throughput`) and stacked layers on the diagonal (`latency`, with its wavefront) are work that does not wait.
Each row has twice as much of it, until the array is busy and more of it gains nothing, or the machine holds no more.
Beside each stands the bound that binds: padding to native tiles keeps an array busy that is not at its peak, and the
passes of a ``chain`` vector engine, one after another, keep layers from filling the array. Weights are loaded before
(`persist-weights`), so that the figures are those of a machine that serves. Timing only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rnncc.errors import RnnccError

TARGET = "bw-s10"
FILLED = 0.9
"""Share of the cycles at which the array counts as busy."""
WORTH = 0.98
"""Part of the cycles a step to which twice as many sequences must bring it to be worth it."""
CASES = (("LSTM", 1024), ("LSTM", 1200), ("GRU", 1200))
"""Kind and hidden size for more and more sequences: 1024 is padded to three native tiles of bw-s10, as 1200 fills."""
STACKS = (("LSTM", 1024), ("LSTM", 512))
"""Kind and hidden size for more and more layers: weights of a few fit."""
STEPS = 150
COLUMNS = (
    "layer", "sequences", "layers", "cycles", "a step of each", "of MAC peak", "array busy", "of bound",
)  # fmt: skip
SEQUENCES = (1, 2, 4, 8, 16, 32, 64)
LAYERS = (1, 2, 4)


@dataclass(frozen=True)
class FillRow:
    """A program of so many sequences or layers.

    Attributes:
        kind, hidden, steps: the layer.
        sequences, layers: how many, side by side.
        cycles: of one run.
        bound: no schedule of the program is faster.
        binds: the bound's name.
        share: MACs over what the array could do in these cycles.
        array: cycles that the array is busy, over the cycles; more than ``share`` by the padding to native tiles.
        problem: why there are no figures.
    """

    kind: str
    hidden: int
    steps: int
    sequences: int = 1
    layers: int = 1
    cycles: int = 0
    bound: int = 0
    binds: str = ""
    share: float = 0.0
    array: float = 0.0
    problem: str = ""

    @property
    def per_step(self) -> float:
        """Cycles a step of one sequence in one layer."""
        return self.cycles / (self.steps * self.sequences * self.layers)

    @property
    def reached(self) -> float:
        """The bound as a share of the cycles."""
        return self.bound / self.cycles if self.cycles else 0.0

    def to_dict(self) -> dict[str, object]:
        """Everything, ready for JSON."""
        return {**asdict(self), "cycles_a_step": self.per_step, "of_bound": self.reached}


def sequence_rows(
    target: str, kind: str, hidden: int, steps: int = STEPS, sizes: tuple[int, ...] = SEQUENCES
) -> Iterator[FillRow]:
    """One sequence, two, four ... until the array is busy and more gain nothing, or do not fit."""
    before = None
    for size in sizes:
        row = measured(target, FillRow(kind, hidden, steps, sequences=size))
        yield row
        if row.problem or row.share >= FILLED:
            return
        if before is not None and row.array >= FILLED and row.per_step > before * WORTH:
            return
        before = row.per_step


def layer_rows(
    target: str, kind: str, hidden: int, steps: int = STEPS, depths: tuple[int, ...] = LAYERS
) -> Iterator[FillRow]:
    """One layer, two, four of them."""
    for depth in depths:
        row = measured(target, FillRow(kind, hidden, steps, layers=depth))
        yield row
        if row.problem:
            return


def pipeline(row: FillRow) -> str:
    """The passes of a row: `throughput` of its sequences, or `latency`; weights stay on chip between runs."""
    from rnncc.passes.pipelines import PIPELINES

    several = row.sequences > 1
    texts = list(PIPELINES["throughput" if several else "latency"])
    for place, text in enumerate(texts):
        if text.startswith("batch-sequences"):
            texts[place] = f"batch-sequences{{size={row.sequences} policy=pad}}"
    texts.insert(texts.index("schedule"), "persist-weights")
    return ",".join(texts)


def measured(target: str, row: FillRow) -> FillRow:
    """A row with its figures, or with what the compiler says."""
    import rnncc
    from rnncc.bench.models import GATES, recurrent_model
    from rnncc.machine import load_machine

    machine = load_machine(target)
    try:
        model = recurrent_model(row.kind, row.hidden, row.steps, layers=row.layers)
        result = rnncc.compile(model, target, pipeline(row)).run(None, values=False)
    except RnnccError as error:
        return FillRow(**{**asdict(row), "problem": error.message})
    timing = result.report.simulation.timing
    assert timing is not None
    work = 2 * GATES[row.kind] * row.hidden**2 * row.steps * row.sequences * row.layers
    bounds = timing.bounds
    figures = {
        "cycles": timing.cycles,
        "bound": bounds.cycles,
        "binds": bounds.binds,
        "share": work / machine.peak_macs_per_cycle / timing.cycles,
        "array": timing.counters.engines["matrix"].use,
    }
    return FillRow(**{**asdict(row), **figures})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc bench fill``."""
    parser.add_argument("--target", "-t", default=TARGET, metavar="NAME", help="default bw-s10")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def main(args: argparse.Namespace) -> int:
    """Measure and print."""
    from rnncc.machine import load_machine
    from rnncc.progress import stage

    load_machine(args.target)
    found: list[FillRow] = []
    with stage("measuring") as progress:
        total = len(CASES) + len(STACKS)
        for done, case in enumerate((*CASES, *STACKS)):
            progress(done / total)
            rows = sequence_rows if done < len(CASES) else layer_rows
            found.extend(rows(args.target, *case))
    if args.json:
        print(json.dumps({args.target: [row.to_dict() for row in found]}, indent=2))
    else:
        _print(args.target, found)
    return 0


def _print(target: str, rows: list[FillRow]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from rnncc.report import BOUND_NAMES

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=150)
    console.print(f"[bold]{target}[/], weights on chip, {STEPS} steps", soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "layer" else "right")
    table.add_column("binds")
    before = ("", 0, False)
    for row in rows:
        group = (row.kind, row.hidden, row.layers > 1)
        if before[0] and group[:2] != before[:2]:
            table.add_section()
        before = group
        start = [f"{row.kind} {row.hidden}", f"{row.sequences}", f"{row.layers}"]
        if row.problem:
            table.add_row(*start, "-", "-", "-", "-", "-", row.problem)
            continue
        table.add_row(
            *start, f"{row.cycles:,}", f"{row.per_step:,.0f}", f"{row.share:.0%}", f"{row.array:.0%}",
            f"{row.reached:.0%}", BOUND_NAMES[row.binds],
        )  # fmt: skip
    console.print(table)
