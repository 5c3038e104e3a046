"""``rnncc targets``."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc targets``."""
    parser.add_argument(
        "machine", nargs="?", help="a machine's name or .toml file; default: list them all"
    )


def main(args: argparse.Namespace) -> int:
    """List the machines, or describe one with the source of each number."""
    from rnncc.machine import load_machine, machine_names
    from rnncc.machine.show import describe

    if args.machine:
        print(describe(load_machine(args.machine)))
        return 0
    names = machine_names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {load_machine(name).title}")
    return 0
