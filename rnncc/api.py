"""The Python interface: compile a model, load a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncc.compiler import Compilation
from rnncc.pipeline import Pipeline

if TYPE_CHECKING:
    import onnx

    from rnncc.generation import Generate
    from rnncc.machine.description import MachineDescription
    from rnncc.program import Program


def compile(
    model: str | Path | bytes | onnx.ModelProto,
    target: str | Path | MachineDescription = "edge",
    pipeline: str | Sequence[str] | Pipeline | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    numerics: str = "exact",
    *,
    values: Mapping[str, Any] | None = None,
    dynamic: bool = True,
    verify_each: bool = False,
    explain: bool = False,
    calibration: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    generate: str | Sequence[str] | Generate | None = None,
) -> Program:
    """Compile an ONNX model for a machine.

    Args:
        model: a path, the file's bytes, or a ``ModelProto``.
        target: a machine's name (``rnncc targets``), a TOML file, or a description.
        pipeline: text, names of passes, or a :class:`~rnncc.Pipeline` with hooks; None is ``default``.
        shapes: input name -> shape, for inputs whose shape the model leaves open. A dimension of time is the
            longest that the program will run.
        numerics: ``exact`` (values in the model's own type) or ``machine`` (as the machine rounds).
        values: input name -> value; such an input becomes a constant of the program (a trip count, say).
        dynamic: keep time a run-time length where the model allows it; False fixes every shape.
        verify_each: interpret after each pass, compare with the stage before, and fail on a difference.
        explain: measure the model after each pass, and put what each did, with the cycles before and after, into
            ``program.report["explain"]`` (:meth:`rnncc.compiler.Compilation.explain` gives it as text too).
        calibration: arrays by input name, or several such sets: the program is measured on them against the same model
            compiled without approximate passes; cycles and errors go into ``program.report["calibration"]``
            (see :mod:`rnncc.calibration`).
        generate: make a generator of a step model: ``"logits:token,h1:h0"``, what is fed back, logits and token
            first; a :class:`~rnncc.Generate` says the number of tokens and how they are chosen as well.

    Returns:
        The program; ``program.run({...})`` simulates it, ``program.save(path)`` writes it.

    Raises:
        RnnccError: the model, an option or the machine is wrong, or the model asks for what is not supported; the
            subclass and the message say which.
    """
    compilation = Compilation(
        model,
        target=target,
        pipeline=pipeline,
        shapes=shapes,
        numerics=numerics,
        values=values,
        dynamic=dynamic,
        generate=generate,
    )
    if verify_each:
        compilation.verify_each()
    if explain:
        explanation = compilation.explain()
        program = explanation.program
        program.report["explain"] = explanation.to_dict()
    else:
        program = compilation.program()
    if calibration is not None:
        from rnncc.calibration import calibrate

        program.report["calibration"] = calibrate(compilation, program, calibration).to_dict()
    return program


def load(path: str | Path) -> Program:
    """Load a program file, checked as a whole before anything of it can run.

    Raises:
        ProgramError: it is not a program, is corrupt, or is of another version.
        OSError: it cannot be read.
    """
    from rnncc.program import load as load_program

    return load_program(path)
