"""The function that a program is made of, and the ONNX names of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation

from rnncc.errors import ModelError


def main_function(module: Operation) -> FuncOp:
    """The function ``@main`` of a module, or its only function.

    Raises:
        ModelError: there is none.
    """
    if isinstance(module, FuncOp):
        return module
    functions = [op for region in module.regions for op in region.ops if isinstance(op, FuncOp)]
    for function in functions:
        if function.sym_name.data == "main" or len(functions) == 1:
            return function
    raise ModelError("the module has no function @main", "call the one to compile func.func @main")


def input_names(function: FuncOp) -> list[str]:
    """The names of the arguments (``rnncc.inputs``): ONNX's, or input0, input1, ... where there are none.

    Raises:
        ModelError: there are more or fewer names than arguments.
    """
    return _names(function, "input", len(function.body.block.args))


def output_names(function: FuncOp) -> list[str]:
    """The names of what the function returns (``rnncc.outputs``), or output0, output1, ...

    Raises:
        ModelError: there are more or fewer names than returned values.
    """
    end = function.body.block.last_op
    return _names(function, "output", len(end.arguments) if isinstance(end, ReturnOp) else 0)


def set_names(
    function: FuncOp, *, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
) -> None:
    """Name the arguments, or what is returned, or both."""
    for key, names in (("rnncc.inputs", inputs), ("rnncc.outputs", outputs)):
        if names is not None:
            function.attributes[key] = ArrayAttr([StringAttr(name) for name in names])


def _names(function: FuncOp, kind: str, count: int) -> list[str]:
    names = function.attributes.get(f"rnncc.{kind}s")
    if not isinstance(names, ArrayAttr):
        return [f"{kind}{number}" for number in range(count)]
    found = [name.data for name in names if isinstance(name, StringAttr)]
    if len(found) != count:
        raise ModelError(f"rnncc.{kind}s has {len(found)} names for {count} values")
    return found
