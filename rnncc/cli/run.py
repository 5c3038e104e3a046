"""``rnncc run``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from rnncc.array_files import read_arrays
from rnncc.cli import common, generation
from rnncc.errors import InputError
from rnncc.files import atomic_file, target_file

if TYPE_CHECKING:
    import numpy as np

    from rnncc.compiler import Compilation
    from rnncc.program import Program


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc run``."""
    parser.add_argument("file", help="an .onnx model, compiled first, or an .rnx program")
    parser.add_argument(
        "--input", "-i", metavar="NPZ", help="arrays by input name; default: random ones"
    )
    parser.add_argument("--output", "-o", metavar="NPZ", help="write the outputs here")
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare the outputs with ONNX Runtime (.onnx only); status 1 if they differ, but for a "
        "pipeline that is approximate: its error is shown",
    )
    parser.add_argument("--timing-only", action="store_true", help="cycles only, no values")
    parser.add_argument(
        "--length",
        action="append",
        default=[],
        metavar="SYMBOL=N",
        help="actual length, for random inputs or --timing-only",
    )
    parser.add_argument(
        "--no-extrapolation",
        action="store_true",
        help="simulate every iteration of every loop; the cycles are the same",
    )
    parser.add_argument(
        "--trace",
        metavar="JSON",
        help="write the run's timeline, for Perfetto (ui.perfetto.dev) or chrome://tracing",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs, and of sampling")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")
    common.add_compile_options(parser)
    generation.add_options(parser, run=True)


def main(args: argparse.Namespace) -> int:
    """Compile if needed, simulate, check, report."""
    from rnncc.cli.session import program_of
    from rnncc.generation import Generator, generated
    from rnncc.progress import stage
    from rnncc.runtime import check_length, run_program
    from rnncc.simulator.simulate import depends_on_data

    if args.check and (args.timing_only or args.file.endswith((".rnx", ".mlir"))):
        raise InputError(
            "--check needs the model and its values", "give the .onnx file, without --timing-only"
        )
    if args.output and args.timing_only:
        raise InputError("--output needs values", "leave --timing-only out")
    for path in (args.output, args.trace):
        if path is not None:
            # A name that cannot be written is said before the work, not after it.
            target_file(path)
    inputs = read_arrays(args.input) if args.input else None
    program, compilation = program_of(args.file, args, inputs)
    lengths = common.parse_lengths(args.length)
    for symbol, length in lengths.items():
        check_length(program, symbol, length)
    generator = Generator.of(program)
    inputs = generation.run_inputs(args, generator, inputs)
    if args.check and program.batch is not None:
        raise InputError(
            "--check compares one sequence with ONNX Runtime, and this program serves many",
            "leave batch-sequences out of the pipeline",
        )
    if inputs is None and (not args.timing_only or depends_on_data(program)):
        inputs = _random(program, compilation, args.seed, lengths)
        print(f"note: no --input, random ones from seed {args.seed}", file=sys.stderr)
    with stage("simulating") as progress:
        result = run_program(
            program,
            inputs,
            lengths=lengths,
            values=not args.timing_only,
            extrapolate=not args.no_extrapolation,
            progress=progress,
            seed=args.seed,
        )
    report, status = result.report, 0
    report.model = args.file
    if args.check:
        assert compilation is not None and inputs is not None
        status = _check(report, compilation, program, inputs, result.outputs, args.seed)
    if args.output is not None:
        common.write_arrays(args.output, result.outputs)
    if args.trace is not None:
        _trace(args.trace, program, inputs, report.lengths, args.seed)
    tokens = generated(result.outputs) if generator is not None and result.outputs else None
    text = "" if tokens is None else generation.text_of(tokens, args)
    if args.json:
        more = {} if tokens is None else {"generated": {"tokens": tokens, "text": text}}
        json.dump({**report.to_dict(), **more}, sys.stdout, indent=2)
        print()
    else:
        if tokens is not None:
            print(f"{text}\n")
        report.print()
    return status


def _trace(
    path: str,
    program: Program,
    inputs: dict[str, np.ndarray] | None,
    lengths: dict[str, int],
    seed: int,
) -> None:
    from rnncc.progress import stage
    from rnncc.runtime import place_inputs
    from rnncc.timeline import record
    from rnncc.timeline.chrome import write_trace

    arrays = place_inputs(program, inputs, seed)[0] if inputs is not None else None
    with stage("writing the trace"), atomic_file(path) as stream:
        write_trace(record(program, arrays, lengths), stream)


def _random(
    program: Program, compilation: Compilation | None, seed: int, lengths: dict[str, int]
) -> dict[str, np.ndarray]:
    from rnncc.random_inputs import random_for_program, random_inputs

    if compilation is None or program.batch is not None:
        # The model's own inputs are those of one sequence.
        return random_for_program(program, seed, lengths)
    return random_inputs(compilation.module("onnx"), seed, lengths)


def _check(
    report,
    compilation: Compilation,
    program: Program,
    inputs: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
    seed: int,
) -> int:
    from rnncc.generation import Generator
    from rnncc.reference import (
        compare,
        judged_by_mean,
        measured,
        reference_outputs,
        tolerance_of,
    )
    from rnncc.reference_generation import reference_generation

    model, generator = str(compilation.model), Generator.of(program)
    if generator is not None and compilation.generate is not None:
        given = generator.complete(program, inputs, seed)
        reference = reference_generation(model, compilation.generate, generator, given)
    else:
        reference = reference_outputs(model, inputs, compilation.values)
    weights = program.machine.formats.weights
    tolerance = tolerance_of(program.numerics, weights=weights)
    by_mean = judged_by_mean(tolerance, weights)
    report.check = compare(reference.outputs, outputs, tolerance, by_mean=by_mean)
    if report.approximate:
        report.check = measured(report.check)
    report.check_source, report.check_limit = reference.source, tolerance
    if reference.reason:
        print(
            f"note: checked with {reference.source}, not ONNX Runtime: {reference.reason}",
            file=sys.stderr,
        )
    return 1 if any(row.problem for row in report.check) else 0
