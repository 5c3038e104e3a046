"""How many steps a gate has skipped, written by the program itself: see `rnncc.skipped`."""

from __future__ import annotations

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import node_name, shape_of, tensor_type
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._counter_output import add_output
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

    def counter(emit: Emitter) -> SSAValue:
        steps = _steps(scan, emit)
        if rows > 1 and length_masks(scan):
            steps = _steps_of_rows(scan, emit)
        elif rows > 1:
            steps = emit.binary("mul", steps, emit.scalar(rows, i64))
        done = emit(nn.CastOp(result.processed, i64))
        if rows > 1:
            done = emit(nn.ReduceOp("sum", done, [0], keepdims=True))
        return emit(nn.ConcatOp([emit.binary("sub", steps, done), steps], 0))

    add_output(scan, counter_name(number, node_name(scan)), counter)


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
