"""``rnncc opt``: an ``xdsl-opt`` with rnncc's dialects, passes and pipelines, that also reads ``.onnx``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import IO

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.xdsl_opt_main import xDSLOptMain

from rnncc import pipeline
from rnncc.errors import RnnccError
from rnncc.universe import ALL_DIALECTS


class RnnccOptMain(xDSLOptMain):
    """The IR-in, IR-out tool; options are those of ``xdsl-opt`` and ``--machine``, ``--shape``, ``--static-time``."""

    def register_all_dialects(self) -> None:
        """xDSL's dialects, those of installed plug-ins, and ours even when rnncc is not installed as a plug-in."""
        super().register_all_dialects()
        for name, factory in ALL_DIALECTS.items():
            if name not in self.ctx.registered_dialect_names:
                self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        """Passes of xDSL, of plug-ins, and ours."""
        super().register_all_passes()
        for name, factory in pipeline.available_passes().items():
            self.available_passes.setdefault(name, factory)

    def register_all_frontends(self) -> None:
        """``.mlir`` and ``.onnx``."""
        super().register_all_frontends()

        def import_onnx(stream: IO[bytes]) -> ModuleOp:
            from rnncc.cli.common import parse_shapes
            from rnncc.frontend import import_model

            shapes = parse_shapes(self.args.shape)
            # The path, when there is one: external data lies beside it.
            name = getattr(stream, "name", None)
            source = name if isinstance(name, str) else stream.read()
            return import_model(source, shapes=shapes, dynamic=not self.args.static_time)

        self.available_frontends["onnx"] = import_onnx

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        """Those of ``xdsl-opt``, and what our passes and front end need."""
        super().register_all_arguments(arg_parser)
        arg_parser.add_argument(
            "--machine", default="edge", help="machine for the passes that need one"
        )
        arg_parser.add_argument(
            "--shape", action="append", default=[], metavar="NAME=N,N,..", help="shape of an input"
        )
        arg_parser.add_argument(
            "--static-time", action="store_true", help="no run-time lengths: one program, one shape"
        )

    def setup_pipeline(self) -> None:
        """Parses the pass list, named pipelines included; prints and times on standard error."""
        passes = pipeline.parse(self.args.passes, target=self.args.machine)
        started = time.perf_counter()

        def callback(
            previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
        ) -> None:
            nonlocal started
            if self.args.time_passes and previous is not None:
                print(
                    f"{previous.name}: {(time.perf_counter() - started) * 1e3:.2f} ms",
                    file=sys.stderr,
                )
            if not self.args.disable_verify:
                from rnncc.verifier import verify_module

                verify_module(module)
            if previous and following and self.args.print_between_passes:
                print(f"// IR after {previous.name}")
                Printer(stream=sys.stdout).print_op(module)
                print("\n")
            started = time.perf_counter()

        self.pipeline = PassPipeline(passes, callback)

    def apply_passes(self, prog: ModuleOp) -> None:
        """Runs the pipeline; with ``--verify-diagnostics`` an expected refusal is printed, as a diagnostic is."""
        try:
            super().apply_passes(prog)
        except RnnccError as error:
            if not self.args.verify_diagnostics:
                raise
            raise VerifyException(str(error)) from error


def main(arguments: Sequence[str]) -> int:
    """Run ``rnncc opt`` on command-line arguments; returns the exit status."""
    RnnccOptMain(
        description="rnncc opt: read IR or ONNX, run passes, print IR", args=arguments
    ).run()
    return 0
