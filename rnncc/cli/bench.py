"""``rnncc bench``: finds a benchmark suite and hands it the rest of the command line."""

from __future__ import annotations

import argparse
import importlib

from rnncc.bench import SUITES
from rnncc.errors import InputError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The suite's name; what follows it is the suite's own."""
    parser.epilog = f"{listing()}\n\n`rnncc bench SUITE --help` shows a suite's options"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("suite", nargs="?", metavar="SUITE", help="default: list the suites")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="the suite's options")


def main(args: argparse.Namespace) -> int:
    """List the suites, or run one.

    Raises:
        InputError: no suite of that name.
    """
    if args.suite is None:
        print(listing())
        return 0
    if args.suite not in SUITES:
        known = ", ".join(SUITES)
        raise InputError(
            f"unknown suite '{args.suite}' (suites: {known})", nearest(args.suite, SUITES)
        )
    from rnncc.cli.parser import Parser

    module, text = SUITES[args.suite]
    suite = importlib.import_module(module)
    parser = Parser(
        prog=f"rnncc bench {args.suite}",
        description=text,
        epilog="--debug shows tracebacks",
        allow_abbrev=False,
    )
    suite.add_arguments(parser)
    return suite.main(parser.parse_args(args.rest))


def listing() -> str:
    """The suites, one a line."""
    width = max(map(len, SUITES))
    return "\n".join(
        ["suites:", *(f"  {name:<{width}}  {text}" for name, (_, text) in SUITES.items())]
    )
