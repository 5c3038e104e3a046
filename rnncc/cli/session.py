"""From command-line options to a compilation, a program, and its inputs."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rnncc.cli import common
from rnncc.cli.generation import NEED_GENERATE, generate_of
from rnncc.errors import PassError, nearest
from rnncc.ir_file import is_ir_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from rnncc.compiler import Compilation
    from rnncc.program import Program


def compilation_of(
    path: str, args: argparse.Namespace, inputs: Mapping[str, np.ndarray] | None = None
) -> Compilation:
    """The compilation that the options describe; shapes that they leave out are taken from ``inputs``."""
    from rnncc.compiler import Compilation

    shapes = common.parse_shapes(args.shape)
    common.require_file(path)
    generate = generate_of(args)
    if inputs and not is_ir_file(path) and generate is None:
        from rnncc.frontend.signature import shapes_from_inputs

        shapes = {**shapes_from_inputs(path, dict(inputs)), **shapes}
    compilation = Compilation(
        path,
        target=args.target or "edge",
        pipeline=args.pipeline,
        shapes=shapes,
        numerics=args.numerics or "exact",
        values=common.parse_bindings(args.bind),
        dynamic=not args.static_time,
        generate=generate,
    )
    names = [p.name for p in compilation.pipeline.passes()]
    for name in args.print_after:
        if name not in (*names, "all"):
            raise PassError(
                f"--print-after {name}: no such pass in this pipeline", nearest(name, names)
            )
        compilation.print_after(name)
    if args.verify_each:
        compilation.verify_each()
    return compilation


def report_times(compilation: Compilation, args: argparse.Namespace) -> None:
    """The table of ``--time-passes``, on standard error."""
    if not args.time_passes:
        return
    total = sum(t.seconds for t in compilation.times)
    for time in compilation.times:
        print(f"{time.seconds * 1e3:9.2f} ms  {time.name}", file=sys.stderr)
    print(f"{total * 1e3:9.2f} ms  all passes", file=sys.stderr)


COMPILE_ONLY = (
    "target",
    "pipeline",
    "numerics",
    "shape",
    "bind",
    "print_after",
    "verify_each",
    "time_passes",
    "static_time",
    "generate",
    *NEED_GENERATE,
)


def _is_given(value: object) -> bool:
    """Whether an option is other than its default: 0 is a value like any other."""
    return value is not None and value is not False and value != []


def program_of(
    path: str, args: argparse.Namespace, inputs: Mapping[str, np.ndarray] | None = None
) -> tuple[Program, Compilation | None]:
    """The program of a ``.rnx`` or ``.onnx`` file.

    Raises:
        PassError: options of compilation were given for a program that is compiled already.
    """
    import rnncc

    common.require_file(path)
    if path.endswith(".rnx"):
        given = [name for name in COMPILE_ONLY if _is_given(getattr(args, name, None))]
        if given:
            option = given[0].replace("_", "-")
            raise PassError(
                f"--{option} has no effect on {path}, which is compiled already",
                "give the .onnx file",
            )
        return rnncc.load(path), None
    from rnncc.progress import stage

    with stage("compiling"):
        compilation = compilation_of(path, args, inputs)
        program = compilation.program()
    report_times(compilation, args)
    return program, compilation
