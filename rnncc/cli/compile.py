"""``rnncc compile``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.array_files import read_arrays
from rnncc.cli import common, generation
from rnncc.errors import PassError
from rnncc.files import atomic_file, target_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from rnncc.compiler import Compilation
    from rnncc.explain.explanation import Explanation


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
    parser.add_argument(
        "--explain",
        action="store_true",
        help="tell what each pass did to this model, with the cycles before and after it; on the inputs of "
        "--calibration where cycles depend on data",
    )
    parser.add_argument(
        "--json", action="store_true", help="with --explain: JSON on standard output, and only that"
    )
    parser.add_argument(
        "--calibration",
        action="append",
        default=[],
        metavar="NPZ",
        help="measure cycles and errors on these inputs against the model compiled without approximate passes, and "
        "let quantize take its ranges from them; may be repeated",
    )
    common.add_compile_options(parser)
    generation.add_options(parser, run=False)


def main(args: argparse.Namespace) -> int:
    """Compile, and write what was asked for."""
    from rnncc.cli.session import compilation_of, report_times

    if args.json and not args.explain:
        raise PassError("--json has no effect without --explain")
    if args.explain and args.emit != "rnx" and args.output is None:
        raise PassError(
            f"--explain and --emit {args.emit} would both write to standard output",
            "give --output FILE",
        )
    if args.explain and args.emit in ("onnx", "rnn", "npu"):
        raise PassError(
            f"--explain measures whole programs, --emit {args.emit} stops before one",
            "leave --emit out, or take asm",
        )
    if args.output is not None:
        target_file(args.output)
    given = [read_arrays(path) for path in args.calibration]
    if given and args.emit in ("onnx", "rnn", "npu"):
        raise PassError(
            f"--calibration measures whole programs, --emit {args.emit} stops before one"
        )
    compilation = compilation_of(args.model, args, given[0] if given else None)
    # For passes that look at values, as quantize does, where the pipeline gives them no other files.
    compilation.options["calibration"] = ",".join(args.calibration)
    if args.emit in ("onnx", "rnn", "npu"):
        _write(args.output, f"{compilation.module(args.emit)!s}\n")
        report_times(compilation, args)
        return 0
    explanation = _explained(compilation, given[0] if given else None) if args.explain else None
    program = explanation.program if explanation else compilation.program()
    report_times(compilation, args)
    calibration = None
    if given:
        from rnncc.calibration import calibrate

        calibration = calibrate(compilation, program, given)
        program.report["calibration"] = calibration.to_dict()
    target = args.output or str(Path(args.model).with_suffix(".rnx"))
    if args.emit == "asm":
        from rnncc.isa.asm import disassemble

        _write(args.output, disassemble(program))
    else:
        program.save(target)
    if explanation is not None:
        _show(explanation, args.json)
    elif args.emit == "rnx":
        from rnncc.report import program_summary

        print(f"{target}: {program_summary(program)}")
    if calibration is not None and not args.json:
        # Beside a program on standard output there is room on standard error only.
        print(calibration, file=sys.stderr if args.emit == "asm" and not args.output else None)
    if compilation.static_reason:
        print(f"note: time is fixed: {compilation.static_reason}", file=sys.stderr)
    return 0


def _explained(compilation: Compilation, inputs: Mapping[str, np.ndarray] | None) -> Explanation:
    from rnncc.progress import stage

    with stage("compiling and measuring"):
        return compilation.explain(inputs)


def _show(explanation: Explanation, as_json: bool) -> None:
    if as_json:
        print(json.dumps(explanation.to_dict(), indent=2))
    else:
        explanation.print()


def _write(path: str | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    with atomic_file(path) as stream:
        stream.write(text.encode())
