"""Canonical order of element-wise arithmetic: where a bias stands, so that later passes need to look in one place."""

from __future__ import annotations

from xdsl.ir import OpResult
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from rnncc.dialects import nn
from rnncc.dialects._nn_rewrite import constant, insert, replace
from rnncc.dialects._types import shape_of

COMMUTATIVE = frozenset({"add", "mul", "and", "or", "xor"})
"""Kinds whose operands may change places bit for bit; max and min may not (-0.0 and 0.0, NaN)."""


class ConstantRight(RewritePattern):
    """c + x becomes x + c: of a commutative operation the constant stands on the right."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BinaryOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        if op.kind.data in COMMUTATIVE and constant(op.a) and not constant(op.b):
            replace(rewriter, op, nn.BinaryOp(op.kind.data, op.b, op.a))


class BiasBeforeReshape(RewritePattern):
    """reshape(x w) + c becomes reshape(x w + c) for a constant line c along an axis that the reshape keeps last.

    The product and its bias are then neighbours, and the back end adds the bias to each block while it is on chip.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BinaryOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        view = op.a.op if isinstance(op.a, OpResult) else None
        if (
            not isinstance(view, nn.ReshapeOp)
            or not view.result.has_one_use()
            or not constant(op.b)
        ):
            return
        product = view.x.op if isinstance(view.x, OpResult) else None
        if not isinstance(product, nn.MatmulOp) or not product.result.has_one_use():
            return
        width = shape_of(product.result)[-1]
        if shape_of(op.b) != (width,) or shape_of(view.result)[-1:] != (width,):
            return
        if op.result.type != view.result.type:
            return
        early = insert(rewriter, op, nn.BinaryOp(op.kind.data, product.result, op.b))
        replace(rewriter, op, nn.ReshapeOp(early, view.result.type))
