"""The pass ``lower-to-npu``: tensors become buffers, operations become instructions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Region
from xdsl.passes import ModulePass

from rnncc.dialects import npu
from rnncc.dialects._main import input_names, output_names
from rnncc.dialects._types import shape_of, symbol_maxima, symbols_of, type_of
from rnncc.errors import PassError
from rnncc.passes._lower import (
    branch,
    convolution,
    elementwise,
    gather,
    movement,
    packed,
    pooling,
    product,
    reduction,
    softmax,
    while_loop,
)
from rnncc.passes._lower.attributes import MEMORY_ATTR
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref, same_window
from rnncc.passes._lower.sums import wanted_sum

HANDLERS = {
    **movement.HANDLERS,
    **gather.HANDLERS,
    **elementwise.HANDLERS,
    **reduction.HANDLERS,
    **softmax.HANDLERS,
    **product.HANDLERS,
    **convolution.HANDLERS,
    **pooling.HANDLERS,
    **packed.HANDLERS,
    **branch.HANDLERS,
    **while_loop.HANDLERS,
}


@dataclass(frozen=True)
class LowerToNpuPass(ModulePass):
    """Lower nn operations, rnn.scan, rnn.while and rnn.if to npu instructions over buffers.

    Needs: one function ``main`` of nn operations, rnn.while, and rnn.scan, without ``lens`` (`lower-lengths`)
    unless packed;
    the attributes of `place-memory` and `tile-for-machine` where tensors do not fit on chip
    (without them everything is held in vector memory, in one piece).
    Ensures: ``main`` has no arguments and results but npu.input and npu.output buffers; every tensor
    is a window of a buffer; each instruction carries its ``onnx.node``; recurrences are loops whose states
    are updated in place where the old value is no longer needed; an rnn.if is a scalar read and an npu.if,
    its results are written where they are wanted and nothing is copied that stays what it was.
    Exact.
    Source: bufferisation as in MLIR's one-shot analysis, restricted to the single-block regions
    that rnncc has, so that reads and writes are ordered by position.

    Raises:
        DynamicTimeError: a run-time length would have to be moved in the middle of a tensor.
        UnsupportedError: an operation that has no lowering, named with its node.
    """

    name = "lower-to-npu"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the function in place."""
        functions = [f for f in op.body.block.ops if isinstance(f, func.FuncOp)]
        if len(functions) != 1:
            raise PassError(f"lower-to-npu needs one function, the module has {len(functions)}")
        lower_function(functions[0])


def lower_function(function: func.FuncOp) -> None:
    """Replace the function's body and signature by the npu form."""
    source = function.body.block
    names_in, names_out = input_names(function), output_names(function)
    end: Any = source.last_op
    block = Block()
    low = Lowering(block, symbol_maxima(function))
    low.handlers.update(HANDLERS)
    low.summed = wanted_sum
    for number, (argument, name) in enumerate(zip(source.args, names_in, strict=True)):
        port = npu.InputOp(_port_type(argument), name, number, symbols_of(argument))
        low.add(port)
        low.put(argument, _port_ref(low, port, argument))
    outputs = []
    for number, (value, name) in enumerate(zip(end.arguments, names_out, strict=True)):
        port = npu.OutputOp(_port_type(value), name, number, symbols_of(value))
        low.add(port)
        ref = _port_ref(low, port, value)
        outputs.append(ref)
        low.sinks[end, number] = partial(_given, ref)
    low.handlers[func.ReturnOp] = partial(_return, outputs)
    low.run(source)
    for op in list(block.ops):
        if isinstance(op, npu.ConstOp) and op.buffer.first_use is None:
            op.detach()
            op.erase()
    block.add_op(func.ReturnOp())
    attributes = {k: v for k, v in function.attributes.items() if k != MEMORY_ATTR}
    replacement = func.FuncOp(
        function.sym_name.data, ((), ()), Region(block), function.sym_visibility
    )
    replacement.attributes.update(attributes)
    parent = function.parent
    assert parent is not None
    parent.insert_op_before(replacement, function)
    function.detach()
    function.erase(safe_erase=False)


def _given(ref: Ref) -> Ref:
    return ref


def _port_type(value) -> npu.BufferType:
    return npu.BufferType.of(shape_of(value), type_of(value).get_element_type(), "dram")


def _port_ref(low: Lowering, port: Any, value) -> Ref:
    return Ref(port.buffer, low.dims(value), npu.row_major(shape_of(value)))


def _return(outputs: list[Ref], low: Lowering, op: Any) -> None:
    """Send home what was not computed in place."""
    for value, target in zip(op.arguments, outputs, strict=True):
        if not same_window(low.get(value), target):
            low.copy(target, low.get(value))
