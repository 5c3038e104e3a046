"""``rnncc bench transformations``: cycles with and without each transformation.

Each group of rows is a module with ``rows(target) -> Iterator[Row]``; it makes its own models and says which floor
a row must reach. Values are computed only where a program's control depends on them.
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnncc.errors import InputError, nearest

if TYPE_CHECKING:
    from types import ModuleType

    from rnncc.bench.transformations.row import Row

GROUPS = {
    "cells": "LSTM and GRU, one layer: hoisting and unrolling",
    "stack": "four LSTM layers: the wavefront",
    "directions": "a bidirectional LSTM: both halves together",
    "throughput": "many sequences: batches, and ragged ones packed",
    "generate": "the sample language model: guessed words run together",
    "skip": "the sample Skip RNN: skipped updates are branches",
    "video": "an LRCN on slow pans: frames like the last processed one skipped",
}
"""Name of a group, which is also its module -> what is in it."""

TARGETS = ("edge", "bw-s10", "tpu-v1")
"""The machines where none is named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc bench transformations``."""
    groups = "; ".join(f"{name}: {text}" for name, text in GROUPS.items())
    parser.add_argument(
        "--rows",
        default=",".join(GROUPS),
        metavar="LIST",
        help=f"groups of rows, separated by commas (default all). {groups}",
    )
    parser.add_argument(
        "--target",
        "-t",
        metavar="LIST",
        help=f"machines or .toml files, separated by commas (default {','.join(TARGETS)})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def main(args: argparse.Namespace) -> int:
    """Measure and print; status 1 when a row misses a floor that no bound forbids."""
    from rnncc.bench.transformations.show import print_table
    from rnncc.progress import stage

    pairs = [(group, target) for group in _groups(args.rows) for target in _targets(args, group)]
    found: list[Row] = []
    with stage("measuring") as progress:
        for done, (group, target) in enumerate(pairs):
            progress(done / len(pairs))
            found.extend(rows(group, target))
    if args.json:
        print(json.dumps({"rows": [row.to_dict() for row in found]}, indent=2))
    else:
        print_table(found)
    return 1 if any(row.verdict == "missed" for row in found) else 0


def rows(group: str, target: str) -> Iterator[Row]:
    """The rows of one group on one machine, measured one after the other."""
    return _module(group).rows(target)


def _module(group: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{group}")


def _groups(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in GROUPS:
            known = ", ".join(GROUPS)
            raise InputError(
                f"--rows: unknown group '{name}' (groups: {known})", nearest(name, GROUPS)
            )
    return list(dict.fromkeys(names))


def _targets(args: argparse.Namespace, group: str) -> list[str]:
    """The machines named, or the usual ones and those that the group measures as well (its ``ALSO``)."""
    from rnncc.machine import load_machine

    if args.target is None:
        return [*TARGETS, *getattr(_module(group), "ALSO", ())]
    names = list(dict.fromkeys(name.strip() for name in args.target.split(",")))
    for name in names:
        load_machine(name)
    return names
