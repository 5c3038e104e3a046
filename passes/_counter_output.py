"""One more output of a function, for a number that the program counts about itself."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, FunctionType, StringAttr
from xdsl.ir import Operation, SSAValue

from rnncc.passes._emit import Emitter


def add_output(loop: Operation, name: str, make: Callable[[Emitter], SSAValue]) -> None:
    """Let the function around an operation return a counter as well.

    Args:
        loop: an operation of the function's own block.
        name: of the output (``rnncc.skipped``, ``rnncc.speculated``).
        make: computes the counter at the end of the function.
    """
    function = loop.parent_op()
    assert isinstance(function, func.FuncOp)
    end = function.body.block.last_op
    assert isinstance(end, func.ReturnOp)
    values = [*end.arguments, make(Emitter(end))]
    end.detach()
    end.erase()
    function.body.block.add_op(func.ReturnOp(*values))
    kind = function.function_type
    function.properties["function_type"] = FunctionType.from_lists(
        list(kind.inputs), [v.type for v in values]
    )
    names = function.attributes.get("rnncc.outputs")
    given = list(names.data) if isinstance(names, ArrayAttr) else []
    given = given or [StringAttr(f"output{k}") for k in range(len(values) - 1)]
    function.attributes["rnncc.outputs"] = ArrayAttr([*given, StringAttr(name)])
