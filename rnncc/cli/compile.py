"""``rnncc compile``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnncc.cli import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc compile``."""
    parser.add_argument("model", help="an .onnx file, or IR (.mlir)")
    parser.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        help="where to write; default MODEL.rnx, or standard output for text",
    )
    parser.add_argument(
        "--emit",
        choices=["onnx", "rnn", "npu", "asm", "rnx"],
        default="rnx",
        help="what to write: IR at a level, assembler text, or the program (default)",
    )
    common.add_compile_options(parser)


def main(args: argparse.Namespace) -> int:
    """Compile, and write what was asked for."""
    from rnncc.cli.session import compilation_of, report_times

    compilation = compilation_of(args.model, args)
    if args.emit in ("onnx", "rnn", "npu"):
        _write(args.output, f"{compilation.module(args.emit)!s}\n")
        report_times(compilation, args)
        return 0
    program = compilation.program()
    report_times(compilation, args)
    if args.emit == "asm":
        from rnncc.isa.asm import disassemble

        _write(args.output, disassemble(program))
        return 0
    target = args.output or str(Path(args.model).with_suffix(".rnx"))
    program.save(target)
    from rnncc.report import program_summary

    print(f"{target}: {program_summary(program)}")
    if compilation.static_reason:
        print(f"note: time is fixed: {compilation.static_reason}", file=sys.stderr)
    return 0


def _write(path: str | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    with common.atomic_file(path) as stream:
        stream.write(text.encode())
