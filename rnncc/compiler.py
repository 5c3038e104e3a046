"""One compilation: import, pipeline, code generation; and what may look on while it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncc.errors import DynamicTimeError, InputError, PassError
from rnncc.generation import Generate
from rnncc.ir_file import is_ir_file, read_ir
from rnncc.pipeline import PassTime, Pipeline

if TYPE_CHECKING:
    import onnx
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

    from rnncc.explain.explanation import Explanation
    from rnncc.explain.record import Recorder
    from rnncc.machine.description import MachineDescription
    from rnncc.program import Program

    Model = str | Path | bytes | onnx.ModelProto

MACHINE_PASSES = ("place-memory", "tile-for-machine", "lower-to-npu")
"""The first of these in a pipeline is where the rnn + nn level ends."""


class Compilation:
    """A model on its way to a program.

    ``module(stage)`` gives the IR at a level, ``program()`` the end of the way. A model that cannot keep time as a
    run-time length is compiled again for one length (see :class:`~rnncc.errors.DynamicTimeError`); the reason is then
    in ``static_reason``.
    """

    def __init__(
        self,
        model: Model,
        *,
        target: str | Path | MachineDescription = "edge",
        pipeline: str | Sequence[str] | Pipeline | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
        numerics: str = "exact",
        values: Mapping[str, Any] | None = None,
        dynamic: bool = True,
        generate: str | Sequence[str] | Generate | None = None,
    ):
        from rnncc.machine import load_machine
        from rnncc.machine.description import MachineDescription
        from rnncc.machine.given import give

        if numerics not in ("exact", "machine"):
            raise PassError(f"numerics '{numerics}': expected 'exact' or 'machine'")
        self.model = model
        if not isinstance(target, MachineDescription):
            target = load_machine(target)
        # Every pass gets this very description, whatever becomes of the file it is from.
        self.target, self.machine = give(target)
        self.generate = None if generate is None else Generate.of(generate)
        usual = "generate" if self.generate else "default"
        self.pipeline = (
            pipeline.copy() if isinstance(pipeline, Pipeline) else Pipeline(pipeline or usual)
        )
        self.options: dict[str, Any] = {"target": self.target}
        if self.generate is not None:
            self.options |= self.generate.options()
            # A step has no run-time length: each dimension that the model leaves open is one.
            dynamic = False
            if not any(p.name == "generate-tokens" for p in self.pipeline.passes()):
                raise PassError(
                    f"pipeline '{self.pipeline.name}' does not generate",
                    "put generate-tokens behind convert-onnx-to-nn, or take the pipeline generate",
                )
        self.shapes = {name: tuple(shape) for name, shape in (shapes or {}).items()}
        self.values = dict(values or {})
        self.numerics = numerics
        self.dynamic = dynamic
        self.static_reason: str | None = None
        self.length_inputs: dict[str, tuple[int, str]] = {}
        self.times: list[PassTime] = []
        self.recorder: Recorder | None = None

    def verify_each(self) -> None:
        """Check structure, dominance and interpreted values after every pass from now on."""
        from rnncc.verify_each import VerifyEach

        self.pipeline.before(None, (checker := VerifyEach()).before).after(None, checker.after)

    def print_after(self, name: str) -> None:
        """Print the IR after the pass ``name`` (``all``: after each) on standard error."""

        def show(module_pass: ModulePass, module: ModuleOp) -> None:
            print(f"// IR after {module_pass.name}\n{module!s}\n", file=sys.stderr)

        self.pipeline.after(None if name == "all" else name, show)

    def explain(self, inputs: Mapping[str, Any] | None = None) -> Explanation:
        """Compile, and tell what each pass did; the program is ``.program`` of the answer.

        Measures the module after every pass that changed it, so it takes several times as long as ``program()``.

        Args:
            inputs: arrays by input name, for cycles that depend on data (gates, lengths of rows); random ones when
                None, and where a pass has changed what the program takes.

        Raises:
            RnnccError: as ``program()``.
        """
        from rnncc.explain.explanation import Explanation
        from rnncc.explain.facts import fit
        from rnncc.explain.record import Recorder
        from rnncc.simulator.simulate import depends_on_data

        passes = self.pipeline.passes(**self.options)
        recorder = Recorder(self.machine, self.numerics, passes, MACHINE_PASSES, inputs)
        if self.recorder is None:
            self.pipeline.before(None, self._look_before).after(None, self._look_after)
        self.recorder = recorder
        program = self.program()
        sampled = ""
        if depends_on_data(program):
            sampled = "the inputs given" if fit(program, inputs) else "random inputs"
        return Explanation(
            model=str(self.model) if isinstance(self.model, (str, Path)) else "",
            pipeline=self.pipeline.name,
            entries=tuple(recorder.entries),
            first=recorder.first,
            program=program,
            lengths={name: symbol.maximum for name, symbol in program.symbols.items()},
            sampled=sampled,
            unscheduled=recorder.unscheduled,
        )

    def _look_before(self, module_pass: ModulePass, module: ModuleOp) -> None:
        assert self.recorder is not None
        self.recorder.look_before(module_pass, module)

    def _look_after(self, module_pass: ModulePass, module: ModuleOp) -> None:
        assert self.recorder is not None
        self.recorder.look_after(module_pass, module)

    def module(self, stage: str = "npu") -> ModuleOp:
        """The IR at a level.

        Args:
            stage: ``onnx`` (as imported), ``rnn`` (just before the first machine pass), ``npu`` (after the whole
                pipeline).
        """
        try:
            return self._module(stage, self.dynamic)
        except DynamicTimeError as error:
            if not self.dynamic or is_ir_file(self.model):
                raise
            self.static_reason = error.message
            return self._module(stage, False)

    def _module(self, stage: str, dynamic: bool) -> ModuleOp:
        from rnncc.dialects._main import input_names, main_function
        from rnncc.frontend import import_model
        from rnncc.sequence_lengths import length_inputs
        from rnncc.universe import make_context

        self.times.clear()
        if self.recorder is not None:
            self.recorder.clear()
        if is_ir_file(self.model):
            module = self._read_ir()
        else:
            module = import_model(
                self.model,
                shapes=self._step_shapes() or None,
                dynamic=dynamic,
                values=self.values or None,
            )
        function = main_function(module)
        self.length_inputs = length_inputs(function, input_names(function))
        if stage == "onnx":
            return module
        limit = MACHINE_PASSES if stage == "rnn" else ()
        self.times += self.pipeline.apply(make_context(), module, stop_before=limit, **self.options)
        return module

    def _step_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs; of a model that is to generate, one where neither it nor the user says it."""
        if self.generate is None:
            return self.shapes
        from rnncc.frontend.signature import model_inputs

        shapes = dict(self.shapes)
        for entry in model_inputs(self.model):
            if entry.dims is not None and entry.name not in self.values:
                one = tuple(1 if isinstance(d, str) else d for d in entry.dims)
                shapes.setdefault(entry.name, one)
        return shapes

    def _read_ir(self) -> ModuleOp:
        if self.shapes or self.values or not (self.dynamic or self.generate):
            raise InputError(f"{self.model}: IR states its own shapes", "leave the options out")
        return read_ir(str(self.model))

    def program(self) -> Program:
        """The whole way.

        Raises:
            PassError: the pipeline stops above the machine.
            RnnccError: anything that the front end, a pass or code generation refuses.
        """
        from rnncc.codegen import generate

        module = self.module()
        unfinished = sorted(
            {op.name for op in module.walk() if op.name.startswith(("onnx.", "rnn.", "nn."))}
        )
        if unfinished:
            raise PassError(
                f"the pipeline ends above the machine: {', '.join(unfinished[:4])} left",
                "add 'back' to the pipeline, or look at the IR with --emit rnn",
            )
        program = generate(module, self.machine, self.numerics)
        if self.static_reason:
            program.report["static_time"] = self.static_reason
        # Checked at each run: ONNX leaves a length outside 0..T undefined.
        lengths = {name: list(time) for name, time in self.length_inputs.items()}
        if lengths:
            program.report["sequence_lens"] = lengths
        return program
