"""Which canonicalization patterns each nn operation has.

All are exact, bit for bit (-0.0 and NaN included).
"""

from __future__ import annotations

from xdsl.pattern_rewriter import RewritePattern

from rnncc.dialects import _nn_order as order
from rnncc.dialects import _nn_simplify as simple
from rnncc.dialects import _nn_simplify_shape as shape
from rnncc.dialects import _nn_simplify_window as window
from rnncc.dialects import nn
from rnncc.dialects._nn_fold import FoldConstants

_PATTERNS: dict[type, tuple[RewritePattern, ...]] = {
    nn.UnaryOp: (simple.SimplifyUnary(),),
    nn.BinaryOp: (
        simple.DropBroadcast(),
        simple.NeutralElement(),
        order.ConstantRight(),
        order.BiasBeforeReshape(),
    ),
    nn.CompareOp: (simple.DropBroadcast(),),
    nn.SelectOp: (simple.DropBroadcast(), simple.SimplifySelect()),
    nn.CastOp: (shape.DropIdentity(),),
    nn.MatmulOp: (simple.TransposedOperand(),),
    nn.ReduceOp: (shape.ReduceNothing(),),
    nn.ReshapeOp: (shape.DropIdentity(), shape.ReshapeOfReshape()),
    nn.TransposeOp: (shape.DropIdentity(), shape.SimplifyTranspose()),
    nn.SliceOp: (shape.DropIdentity(), shape.SliceOfSlice()),
    nn.DynamicSliceOp: (shape.FixedSlice(),),
    nn.PadOp: (shape.DropIdentity(),),
    nn.BroadcastOp: (shape.DropIdentity(),),
    nn.ConcatOp: (shape.ConcatOfOne(),),
    nn.ConvOp: (window.PadIntoConv(),),
    nn.PoolOp: (window.PoolOfOne(),),
}


def patterns_for(op_class: type) -> tuple[RewritePattern, ...]:
    """The canonicalization patterns of one nn operation class."""
    if op_class is nn.ConstantOp:
        return ()
    return (FoldConstants(), *_PATTERNS.get(op_class, ()))
