"""``rnncc report``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnncc.array_files import read_arrays
from rnncc.cli import common, generation
from rnncc.errors import InputError
from rnncc.files import atomic_file, target_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc report``."""
    parser.add_argument("file", help="an .onnx model, compiled first, or an .rnx program")
    parser.add_argument(
        "--output", "-o", metavar="HTML", help="where to write; default FILE.html in this folder"
    )
    parser.add_argument(
        "--input",
        "-i",
        metavar="NPZ",
        help="arrays by input name: their lengths are the run's; default: random ones, where control depends on data",
    )
    parser.add_argument(
        "--length", action="append", default=[], metavar="SYMBOL=N", help="actual length"
    )
    common.add_compile_options(parser)
    generation.add_options(parser, run=True)


def main(args: argparse.Namespace) -> int:
    """Compile if needed, record a run, write the page."""
    from rnncc.cli.session import compilation_of, program_of, report_times
    from rnncc.generation import Generator
    from rnncc.page import watch, write_page
    from rnncc.progress import stage
    from rnncc.random_inputs import random_for_program
    from rnncc.runtime import place_inputs, run_program
    from rnncc.simulator.simulate import depends_on_data
    from rnncc.timeline import record

    target = str(Path(args.file).with_suffix(".html").name) if args.output is None else args.output
    # A name that cannot be written is said before the work, not after it.
    if target_file(target).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--output {target}: the page is HTML", "name it with .html at the end")
    inputs = read_arrays(args.input) if args.input else None
    stages, explanation = [], None
    if args.file.endswith(".rnx"):
        program, _ = program_of(args.file, args, inputs)
    else:
        with stage("compiling"):
            compilation = compilation_of(args.file, args, inputs)
            stages = watch(compilation)
            # A prompt is no input of the program: what generates is measured on random ones.
            explanation = compilation.explain(inputs)
            program = explanation.program
        report_times(compilation, args)
    inputs = generation.run_inputs(args, Generator.of(program), inputs)
    lengths = common.parse_lengths(args.length)
    if inputs is None and depends_on_data(program):
        inputs = random_for_program(program, 0, lengths)
        print("note: no --input, random ones from seed 0", file=sys.stderr)
    with stage("simulating") as progress:
        result = run_program(program, inputs, lengths=lengths, values=False, progress=progress)
    arrays = place_inputs(program, inputs)[0] if inputs is not None else None
    result.report.model = args.file
    with stage("writing the page"), atomic_file(target) as stream:
        timeline = record(program, arrays, result.report.lengths)
        write_page(stream, result.report, timeline, stages, explanation)
    print(f"{target}: open it in a browser")
    return 0
