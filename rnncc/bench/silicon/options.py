"""What the two suites' command lines share."""

from __future__ import annotations

import argparse


def add_common(parser: argparse.ArgumentParser, default: str) -> None:
    """``--target``, ``--pipeline``, ``--json``."""
    parser.add_argument(
        "--target",
        "-t",
        metavar="LIST",
        help=f"machines or .toml files, separated by commas (default {default})",
    )
    parser.add_argument(
        "--pipeline",
        "-p",
        metavar="TEXT",
        help="passes instead of those that mirror the machine's own software",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def targets(text: str) -> list[str]:
    """The machines of a list, each checked; MachineError for one that there is not."""
    from rnncc.errors import MachineError
    from rnncc.machine import load_machine

    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise MachineError(f"no machine in the list '{text}'", "`rnncc targets` lists them")
    for name in names:
        load_machine(name)
    return names


def percent(value: float | None) -> str:
    """A relative error; a dash for none."""
    return "-" if value is None else f"{value:+.1%}"


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
