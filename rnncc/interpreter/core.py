"""Running a whole module: inputs and outputs by ONNX name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter, InterpreterFunctions
from xdsl.interpreters.func import FuncFunctions

from rnncc.dialects._main import input_names, main_function, output_names
from rnncc.dialects._types import symbol_maxima
from rnncc.errors import InputError, RnnccError, nearest
from rnncc.interpreter.lengths import Lengths, find_lengths

#: module:class of the semantics of each dialect; each class is made with the Lengths of the run.
IMPLEMENTATIONS = (
    "rnncc.interpreter.nn:NNFunctions",
    "rnncc.interpreter.windows:WindowFunctions",
    "rnncc.interpreter.rnn:RnnFunctions",
)


def implementations(lengths: Lengths) -> list[InterpreterFunctions]:
    """The semantics of every dialect for a run with these lengths."""
    made: list[InterpreterFunctions] = [FuncFunctions()]
    for entry in IMPLEMENTATIONS:
        module, name = entry.split(":")
        made.append(getattr(import_module(module), name)(lengths))
    return made


def check_names(inputs: Mapping[str, object], names: list[str]) -> None:
    """Raise InputError for a missing or an unknown input name."""
    for name in inputs:
        if name not in names:
            known = f"its inputs: {', '.join(names)}" if names else None
            raise InputError(f"the model has no input '{name}'", nearest(name, names) or known)
    for name in names:
        if name not in inputs:
            raise InputError(f"input '{name}' is missing")


def run(
    module: ModuleOp,
    inputs: Mapping[str, np.ndarray],
    lengths: Mapping[str, int] | None = None,
    listeners: tuple[Interpreter.Listener, ...] = (),
) -> dict[str, np.ndarray]:
    """Compute a module's outputs.

    Args:
        module: any stage without onnx operations; its ``@main`` is run.
        inputs: ONNX input name -> array with its actual (perhaps shorter than maximum) shape.
        lengths: symbol -> length, for symbols that no input's shape shows.
        listeners: told of every operation, its operands and results; above the npu dialect.

    Returns:
        ONNX output name -> array with its actual shape.

    Raises:
        InputError: the inputs do not fit the module, or an index is out of range.
        ModelError: the module has no ``@main``.
    """
    function = main_function(module)
    if any(op.name.startswith("npu.") for op in function.walk()):
        from rnncc.interpreter.npu import run_npu

        return run_npu(module, inputs, lengths)
    names = input_names(function)
    check_names(inputs, names)
    arrays = {name: np.asarray(inputs[name]) for name in names}
    types = {name: arg.type for name, arg in zip(names, function.body.block.args, strict=True)}
    interpreter = Interpreter(module, listeners=listeners)
    for made in implementations(find_lengths(types, arrays, symbol_maxima(function), lengths)):
        interpreter.register_implementations(made)
    try:
        with np.errstate(all="ignore"):
            results = interpreter.call_op(function, tuple(arrays[name] for name in names))
    except RnnccError as error:
        # xDSL notes the whole module on any error; the message says where it is.
        error.__notes__ = []
        raise
    return {n: np.array(v) for n, v in zip(output_names(function), results, strict=True)}
