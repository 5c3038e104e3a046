"""Canonicalization of operations that only move data."""

from __future__ import annotations

from xdsl.ir import Operation, OpResult
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from rnncc.dialects import nn
from rnncc.dialects._nn_rewrite import constant, replace
from rnncc.dialects._types import shape_of, symbols_of, type_of


class DropIdentity(RewritePattern):
    """A cast, reshape, broadcast, pad, whole slice or identity transpose to x's own type is x."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        if not isinstance(op, nn.NNOp) or op.operands[0].type != op.results[0].type:
            return
        if isinstance(op, nn.TransposeOp):
            perm = op.perm.get_values()
            if perm != tuple(range(len(perm))):
                return
        if isinstance(op, nn.SliceOp) and any(step != 1 for step in op.steps.get_values()):
            return
        replace(rewriter, op, op.operands[0])


class ReshapeOfReshape(RewritePattern):
    """Of two reshapes in a row only the last shape matters."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        if isinstance(op.x, OpResult) and isinstance(op.x.op, nn.ReshapeOp):
            replace(rewriter, op, nn.ReshapeOp(op.x.op.x, type_of(op.result)))


class SimplifyTranspose(RewritePattern):
    """Two transposes become one; one that only moves dimensions of size 1 becomes a reshape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.TransposeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        perm = op.perm.get_values()
        if isinstance(op.x, OpResult) and isinstance(inner := op.x.op, nn.TransposeOp):
            first = inner.perm.get_values()
            replace(rewriter, op, nn.TransposeOp(inner.x, [first[i] for i in perm]))
            return
        dims = list(zip(shape_of(op.x), symbols_of(op.x), strict=True))
        order = [i for i in perm if dims[i] != (1, "")]
        if order == sorted(order):
            replace(rewriter, op, nn.ReshapeOp(op.x, type_of(op.result)))


class SliceOfSlice(RewritePattern):
    """Two slices of static dimensions become one."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SliceOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        if not isinstance(op.x, OpResult) or not isinstance(inner := op.x.op, nn.SliceOp):
            return
        if any(symbols_of(inner.x)):
            return
        starts, steps = [], []
        for first, stride, start, step in zip(
            inner.starts.get_values(),
            inner.steps.get_values(),
            op.starts.get_values(),
            op.steps.get_values(),
            strict=True,
        ):
            starts.append(first + start * stride)
            steps.append(stride * step)
        replace(rewriter, op, nn.SliceOp(inner.x, starts, op.sizes.get_values(), steps))


class FixedSlice(RewritePattern):
    """A dynamic slice with a constant start, inside a static dimension, is a slice."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DynamicSliceOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        source = constant(op.start)
        axis, size = op.axis.value.data, op.size.value.data
        shape = list(shape_of(op.x))
        if source is None or symbols_of(op.x)[axis]:
            return
        start = int(source.array.item())
        if not 0 <= start <= shape[axis] - size:
            return
        starts = [0] * len(shape)
        starts[axis], shape[axis] = start, size
        replace(rewriter, op, nn.SliceOp(op.x, starts, shape))


class ConcatOfOne(RewritePattern):
    """The concatenation of one part is the part; parts without elements go."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        axis = op.axis.value.data
        filled = [part for part in op.parts if shape_of(part)[axis]] or list(op.parts[:1])
        if len(filled) == 1:
            replace(rewriter, op, filled[0])
        elif len(filled) < len(op.parts):
            replace(rewriter, op, nn.ConcatOp(filled, axis))


class ReduceNothing(RewritePattern):
    """A reduction over no axis, or over dimensions of size 1 only, is a reshape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReduceOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite `op` if it matches."""
        dims = list(zip(shape_of(op.x), symbols_of(op.x), strict=True))
        if all(dims[axis] == (1, "") for axis in op.axes.get_values()):
            replace(rewriter, op, nn.ReshapeOp(op.x, type_of(op.result)))
