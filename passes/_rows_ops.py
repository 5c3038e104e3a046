"""Rules of batch-sequences: which operation of one sequence is done how for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xdsl.ir import Operation

from rnncc.dialects import nn
from rnncc.passes import _rows_arithmetic as arithmetic
from rnncc.passes import _rows_axes as axes
from rnncc.passes import _rows_shape as shape
from rnncc.passes._batch import POINTWISE
from rnncc.passes._emit import Emitter
from rnncc.passes._rows import Rows
from rnncc.passes._rows_common import Value

RULES: dict[type[Operation], Callable[[Any, Sequence[Value], Emitter], Rows]] = {
    **dict.fromkeys(POINTWISE, arithmetic.pointwise),
    nn.MatmulOp: arithmetic.matmul,
    nn.ReshapeOp: shape.reshape,
    nn.TransposeOp: shape.transpose,
    nn.SliceOp: axes.slice_,
    nn.DynamicSliceOp: axes.dynamic_slice,
    nn.ConcatOp: axes.concat,
    nn.PadOp: axes.pad,
    nn.BroadcastOp: shape.broadcast,
    nn.ReduceOp: axes.reduce,
    nn.ArgReduceOp: axes.reduce,
    nn.SoftmaxOp: axes.softmax,
    nn.GatherOp: axes.gather,
    nn.ReverseSequenceOp: axes.reverse_sequence,
}
"""Operation -> its form for many sequences; anything else is refused."""
