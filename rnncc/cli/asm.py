"""``rnncc asm``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnncc.array_files import read_arrays
from rnncc.cli import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc asm``."""
    parser.add_argument("source", help="assembler text, as `rnncc disasm` prints it")
    parser.add_argument(
        "--output", "-o", metavar="FILE", help="the program; default SOURCE with .rnx"
    )
    parser.add_argument(
        "--constants", metavar="NPZ", help="arrays of the constants that the text only names"
    )


def main(args: argparse.Namespace) -> int:
    """Assemble, check, write."""
    from rnncc.isa.asm import assemble_program
    from rnncc.report import program_summary

    text = Path(common.require_file(args.source)).read_text()
    constants = read_arrays(args.constants) if args.constants else {}
    program = assemble_program(text, constants, name=args.source)
    target = args.output or str(Path(args.source).with_suffix(".rnx"))
    program.save(target)
    print(f"{target}: {program_summary(program)}")
    return 0
