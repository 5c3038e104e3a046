"""Outputs of a loop that ends at run time: as many rows as it can have at most, and a count beside them."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType
from xdsl.ir import SSAValue

from rnncc.counted import PREFIX
from rnncc.dialects._main import output_names, set_names
from rnncc.dialects.onnx import OnnxOp
from rnncc.errors import UnsupportedError
from rnncc.passes._convert_body import error


def say_count(op: OnnxOp, count: SSAValue, states: int) -> None:
    """Return the number of rows of each output of the function that a loop stacks.

    Args:
        op: the Loop, whose results are still used.
        count: i64 without dimensions.
        states: how many of its results are states; those behind them are stacked.

    Raises:
        UnsupportedError: something computes with such a result.
    """
    results = op.outputs_by_position()[states:]
    old = [v for v in results if v is not None and v.first_use is not None]
    if not old:
        return
    for value in old:
        if not all(isinstance(use.operation, func.ReturnOp) for use in value.uses):
            raise error(
                op,
                f"its output '{value.name_hint or ''}' has as many rows as the loop has iterations, "
                "known only at run time: it can be an output of the model, nothing more",
                UnsupportedError,
            )
    function = op.parent_op()
    assert isinstance(function, func.FuncOp)
    block = function.body.block
    end = block.last_op
    assert isinstance(end, func.ReturnOp)
    if "rnncc.outputs" not in function.attributes:
        return  # Nobody calls outputs by name: the rows behind the last one are zero, and that is all.
    names = output_names(function)
    counted = [PREFIX + n for n, v in zip(names, end.arguments, strict=True) if v in old]
    more = func.ReturnOp(*end.arguments, *[count] * len(counted))
    more.attributes |= end.attributes
    block.insert_op_before(more, end)
    end.detach()
    end.erase()
    set_names(function, outputs=[*names, *counted])
    function.properties["function_type"] = FunctionType.from_lists(
        [a.type for a in block.args], [v.type for v in more.arguments]
    )
