"""Canonicalization of arithmetic: neutral elements, constant conditions, transposed weights."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from rnncc.dialects import nn
from rnncc.dialects._nn_rewrite import constant, everywhere, insert, replace
from rnncc.dialects._types import is_float, shape_of, type_of
from rnncc.errors import RnnccError

#: kind -> numbers that leave the other operand as it is, as (on the left, on the right). A float sum
#: is left as it is by -0.0 only: x + 0.0 turns -0.0 into 0.0.
_NEUTRAL: dict[str, tuple[float | None, float | None]] = {
    "add": (-0.0, -0.0),
    "sub": (None, 0.0),
    "mul": (1.0, 1.0),
    "div": (None, 1.0),
    "pow": (None, 1.0),
}


def _defined(value: SSAValue, kind: type[nn.NNOp]) -> nn.NNOp | None:
    return value.op if isinstance(value, OpResult) and isinstance(value.op, kind) else None


class SimplifyUnary(RewritePattern):
    """identity(x) is x; neg(neg(x)) and not(not(x)) are x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.UnaryOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        kind = op.kind.data
        if kind == "identity":
            replace(rewriter, op, op.x)
        inner = _defined(op.x, nn.UnaryOp)
        if kind in ("neg", "not") and isinstance(inner, nn.UnaryOp) and inner.kind.data == kind:
            replace(rewriter, op, inner.x)


class NeutralElement(RewritePattern):
    """x - 0, x * 1, x / 1, x + -0.0 and whole-number x + 0 are x, when the shape is x's."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BinaryOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        pair = _NEUTRAL.get(op.kind.data)
        if pair is None:
            return
        floating = is_float(type_of(op.result).get_element_type())
        for number, other, x in ((pair[0], op.a, op.b), (pair[1], op.b, op.a)):
            if number is None or x.type != op.result.type:
                continue
            if everywhere(other, number if floating else abs(number)):
                replace(rewriter, op, x)
                return


class DropBroadcast(RewritePattern):
    """An operand's nn.broadcast goes when the operation broadcasts the source as far by itself."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        if not isinstance(op, nn.NNOp):
            return
        for index, operand in enumerate(op.operands):
            source = _defined(operand, nn.BroadcastOp)
            if not isinstance(source, nn.BroadcastOp):
                continue
            op.operands[index] = source.x
            try:
                enough = op.inferred() == op.results[0].type
            except RnnccError:
                enough = False
            if enough:
                rewriter.notify_op_modified(op)
                return
            op.operands[index] = operand


class SimplifySelect(RewritePattern):
    """A constant condition chooses; a negated one swaps; a choice between x and x is x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SelectOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        chosen = None
        if everywhere(op.c, True):
            chosen = op.a
        elif everywhere(op.c, False):
            chosen = op.b
        elif op.a is op.b:
            chosen = op.a
        if chosen is not None:
            kind = type_of(op.result)
            same = chosen.type == kind
            replace(rewriter, op, chosen if same else nn.BroadcastOp(chosen, kind))
            return
        inner = _defined(op.c, nn.UnaryOp)
        if isinstance(inner, nn.UnaryOp) and inner.kind.data == "not":
            replace(rewriter, op, nn.SelectOp(inner.x, op.b, op.a))


class TransposedOperand(RewritePattern):
    """Products take constants as [n, k]: a [k, n] weight becomes a transposed view, not a copy.

    A transpose of the last two dimensions in front of the second operand becomes transpose_b.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MatmulOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        swapped = op.transpose_b is not None
        source = constant(op.b)
        if source is not None and not swapped:
            view = np.swapaxes(source.array, -1, -2)
            named = isinstance(source.value, nn.WeightAttr)
            attr = source.value.with_array(view) if named else nn.WeightAttr("", view)  # pyright: ignore
            weight = insert(rewriter, op, nn.ConstantOp(attr))
            replace(rewriter, op, nn.MatmulOp(op.a, weight, transpose_b=True))
            return
        inner = _defined(op.b, nn.TransposeOp)
        if isinstance(inner, nn.TransposeOp):
            rank = len(shape_of(op.b))
            swap = (*range(rank - 2), rank - 1, rank - 2)
            if inner.perm.get_values() == swap:
                replace(rewriter, op, nn.MatmulOp(op.a, inner.x, transpose_b=not swapped))
