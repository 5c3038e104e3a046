"""``rnncc verify``."""

from __future__ import annotations

import argparse
import sys

from rnncc.array_files import read_arrays
from rnncc.cli import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc verify``."""
    parser.add_argument("model", help="an .onnx file")
    parser.add_argument(
        "--input", "-i", metavar="NPZ", help="arrays by input name; default: random ones"
    )
    parser.add_argument("--trials", type=int, help="number of random inputs (default 3)")
    parser.add_argument("--seed", type=int, help="of the first random input (default 0)")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="R",
        help="largest error relative to the largest output; default by element type",
    )
    common.add_compile_options(parser)


def main(args: argparse.Namespace) -> int:
    """Compare with the reference, one line an output; status 1 if any differs."""
    from rnncc import reference
    from rnncc.cli.session import program_of
    from rnncc.errors import InputError

    for option in ("trials", "seed"):
        if args.input and getattr(args, option) is not None:
            raise InputError(f"--{option} is of random inputs, and --input gives others")
    args.trials = 3 if args.trials is None else args.trials
    args.seed = args.seed or 0
    if args.trials < 1:
        raise InputError(f"--trials {args.trials}: at least 1")
    if not args.model.endswith(".onnx"):
        raise InputError(
            f"{args.model}: verify compares a model with a reference", "give an .onnx file"
        )
    given = read_arrays(args.input) if args.input else None
    program, compilation = program_of(args.model, args, given)
    assert compilation is not None
    weights = program.machine.formats.weights
    tolerance = reference.tolerance_of(program.numerics, args.tolerance, weights)
    by_mean = args.tolerance is None and reference.judged_by_mean(tolerance, weights)
    approximate = program.report.get("approximate", [])
    fine = f"approximate by {', '.join(approximate)}" if approximate else "ok"
    failed, reasons = 0, dict[str, None]()
    for label, inputs in _trials(args, program, compilation, given):
        expected = reference.reference_outputs(args.model, inputs, compilation.values)
        if expected.reason:
            reasons[f"{expected.source}, not ONNX Runtime: {expected.reason}"] = None
        outputs = program.run(inputs, timing=False).outputs
        rows = reference.compare(expected.outputs, outputs, tolerance, by_mean=by_mean)
        # Unless a tolerance was asked for, the error of an approximate pipeline is only shown.
        rows = reference.measured(rows) if approximate and args.tolerance is None else rows
        for row in rows:
            verdict = fine if row.problem is None else f"WRONG: {row.problem}"
            failed += row.problem is not None
            shape = "x".join(map(str, row.shape)) or "scalar"
            print(
                f"{label}  {row.name} {row.dtype}[{shape}]  error {row.error:.2g}  {verdict}  ({expected.source})"
            )
    for reason in reasons:
        print(f"note: checked with {reason}", file=sys.stderr)
    print(
        f"{program.machine.name}, numerics {program.numerics}: "
        + (f"{failed} wrong" if failed else "all right")
    )
    return 1 if failed else 0


def _trials(args: argparse.Namespace, program, compilation, given):
    if given is not None:
        yield args.input, given
        return
    import numpy as np

    from rnncc.random_inputs import random_inputs

    module = compilation.module("onnx")
    rng = np.random.default_rng(args.seed)
    for trial in range(args.trials):
        # The first trial runs the maximum, the others shorter ones where time is a run-time length.
        lengths = {
            symbol: known.maximum if trial == 0 else int(rng.integers(1, known.maximum + 1))
            for symbol, known in program.symbols.items()
        }
        said = "".join(f" {symbol}={n}" for symbol, n in lengths.items())
        yield f"trial {trial}{said}", random_inputs(module, args.seed + trial, lengths)
