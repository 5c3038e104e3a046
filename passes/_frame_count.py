"""How many steps a gate has skipped, written by the program itself: see `rnncc.skipped`."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, FunctionType, StringAttr, i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import node_name, shape_of, tensor_type
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter
from rnncc.passes._frame_gate import Gated
from rnncc.passes._length_mask import length_masks
from rnncc.skipped import counter_name


def add_counter(result: Gated, rows: int, number: int) -> None:
    """Let the program write how many steps it skipped: one more output of the function.

    Args:
        rows: rows that are skipped apart, whose steps count each; else 1.
        number: of the gate in the program.
    """
    scan = result.scan
    function = scan.parent_op()
    assert isinstance(function, func.FuncOp)
    end = function.body.block.last_op
    assert isinstance(end, func.ReturnOp)
    emit = Emitter(end)
    steps = _steps(scan, emit)
    if rows > 1 and length_masks(scan):
        steps = _steps_of_rows(scan, emit)
    elif rows > 1:
        steps = emit.binary("mul", steps, emit.scalar(rows, i64))
    done = emit(nn.CastOp(result.processed, i64))
    if rows > 1:
        done = emit(nn.ReduceOp("sum", done, [0], keepdims=True))
    skipped = emit.binary("sub", steps, done)
    counter = emit(nn.ConcatOp([skipped, steps], 0))
    values = [*end.arguments, counter]
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
    own = StringAttr(counter_name(number, node_name(scan)))
    function.attributes["rnncc.outputs"] = ArrayAttr([*given, own])


def _steps_of_rows(scan: ScanOp, emit: Emitter) -> SSAValue:
    """The number of steps that all rows of a scan with masks run together, i64 [1]."""
    mask = scan.inputs[length_masks(scan)[0]]
    counted = emit(nn.ReduceOp("sum", emit(nn.CastOp(mask, i64)), list(range(len(shape_of(mask))))))
    return emit.reshape(counted, (1,), ("",))


def _steps(scan: ScanOp, emit: Emitter) -> SSAValue:
    """The number of steps that a scan runs, i64 [1]."""
    if scan.symbol.data:
        line = emit(nn.IotaOp(tensor_type(i64, [scan.count], [scan.symbol.data]), 0))
        last = emit(nn.ReduceOp("max", line, [0]))
        whole = emit.binary("add", last, emit.scalar(1, i64))
    else:
        whole = emit.scalar(scan.count, i64)
    if scan.steps is not None:
        whole = emit.binary("min", emit.binary("max", scan.steps, emit.scalar(0, i64)), whole)
    return emit.reshape(whole, (1,), ("",))
