"""``rnncc disasm``."""

from __future__ import annotations

import argparse
import sys

from rnncc.cli import common
from rnncc.files import atomic_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc disasm``."""
    parser.add_argument("program", help="a .rnx file")
    parser.add_argument(
        "--output", "-o", metavar="FILE", help="where to write the text; default standard output"
    )
    parser.add_argument(
        "--constants",
        metavar="NPZ",
        help="write the arrays of constants that the text only names, for `rnncc asm`",
    )


def main(args: argparse.Namespace) -> int:
    """Print a program as text."""
    import rnncc
    from rnncc.isa.asm import disassemble
    from rnncc.program.text import external_constants

    program = rnncc.load(common.require_file(args.program))
    text = disassemble(program)
    if args.constants:
        common.write_arrays(args.constants, external_constants(program))
    if args.output:
        with atomic_file(args.output) as stream:
            stream.write(text.encode())
    else:
        sys.stdout.write(text)
    return 0
