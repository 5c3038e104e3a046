"""``rnncc targets``."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc targets``."""
    parser.add_argument(
        "machine", nargs="?", help="a machine's name or .toml file; default: list them all"
    )
    parser.add_argument(
        "--sources",
        action="store_true",
        help="of one machine: every number, and where it comes from",
    )


def main(args: argparse.Namespace) -> int:
    """List the machines, draw one, or tell where its numbers come from.

    Raises:
        MachineError: there is no such machine, or it cannot be.
        InputError: sources of no machine.
    """
    from rnncc.errors import InputError
    from rnncc.machine import load_machine, machine_names
    from rnncc.machine.show import describe, sources, summary

    if args.machine is not None:
        machine = load_machine(args.machine)
        print(sources(machine) if args.sources else describe(machine))
        return 0
    if args.sources:
        raise InputError("--sources needs a machine", "rnncc targets edge --sources")
    for name in machine_names():
        print(summary(load_machine(name)))
    return 0
