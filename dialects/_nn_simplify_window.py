"""Canonicalization of the operations that slide a window."""

from __future__ import annotations

from xdsl.ir import OpResult
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from rnncc.dialects import nn
from rnncc.dialects._nn_rewrite import replace


class PadIntoConv(RewritePattern):
    """Zeros around the space of a convolution's operand are the convolution's own padding."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConvOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        if not isinstance(op.x, OpResult) or not isinstance(pad := op.x.op, nn.PadOp):
            return
        before, behind = pad.low.get_values(), pad.high.get_values()
        # A padding of -0 is as good as one of 0: both add nothing.
        if pad.value.value.data != 0 or any((*before[:2], *behind[:2])):
            return
        low = [a + b for a, b in zip(op.low.get_values(), before[2:], strict=True)]
        high = [a + b for a, b in zip(op.high.get_values(), behind[2:], strict=True)]
        steps = op.strides.get_values(), op.dilations.get_values()
        replace(rewriter, op, nn.ConvOp(pad.x, op.w, *steps, low, high, op.groups.value.data))


class PoolOfOne(RewritePattern):
    """A pooling whose windows are the single elements, all of them, is its operand."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PoolOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        ones = (*op.kernel.get_values(), *op.strides.get_values())
        padding = (*op.low.get_values(), *op.high.get_values())
        if all(n == 1 for n in ones) and not any(padding) and op.x.type == op.result.type:
            replace(rewriter, op, op.x)
