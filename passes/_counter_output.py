"""One more output of a function, for a number that the program counts about itself."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType
from xdsl.ir import Operation, SSAValue

from rnncc.dialects._main import output_names, set_names
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
    names, values = output_names(function), [*end.arguments, make(Emitter(end))]
    end.detach()
    end.erase()
    function.body.block.add_op(func.ReturnOp(*values))
    kind = function.function_type
    function.properties["function_type"] = FunctionType.from_lists(
        list(kind.inputs), [v.type for v in values]
    )
    set_names(function, outputs=[*names, name])
