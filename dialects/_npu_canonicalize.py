"""Canonicalisation patterns of the npu dialect. All are exact."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from rnncc.dialects._npu_control import BreakOp, IfOp, LoopOp
from rnncc.dialects._npu_instruction import InstructionOp
from rnncc.dialects._npu_memory import AllocOp
from rnncc.dialects._npu_move import DmaOp
from rnncc.dialects._npu_register import ImmediateOp, ScalarOp
from rnncc.dialects._npu_view import ViewOp
from rnncc.isa.scalar import evaluate


def known(value: SSAValue | None) -> int | None:
    """The value of a register that an `npu.immediate` defines, else None."""
    owner = value.owner if value is not None else None
    return owner.value.value.data if isinstance(owner, ImmediateOp) else None


class DropUnreadAlloc(RewritePattern):
    """A work buffer that nothing reads goes, with its views and the instructions that write it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: AllocOp, rewriter: PatternRewriter, /) -> None:
        """Erase the buffer when every use of every view is a pure destination."""
        views = [use.operation for use in op.buffer.uses]
        if not all(isinstance(view, ViewOp) for view in views):
            return
        writers: dict[Operation, None] = {}
        for view in views:
            for use in view.results[0].uses:
                writer = use.operation
                if not isinstance(writer, InstructionOp) or view.results[0] in writer.reads:
                    return
                writers[writer] = None
        for dead in (*writers, *views, op):
            rewriter.erase(dead)


class DropSelfMove(RewritePattern):
    """A dma of a window onto itself changes nothing."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: InstructionOp, rewriter: PatternRewriter, /) -> None:
        """Erase a dma whose two views are equal."""
        if not isinstance(op, DmaOp):
            return
        to, source = op.views[0].owner, op.views[1].owner
        if not (isinstance(to, ViewOp) and isinstance(source, ViewOp)):
            return
        if to is source or same_window(to, source):
            rewriter.erase(op)


class DropEmpty(RewritePattern):
    """An instruction with an extent of zero does nothing (but a sum over nothing is zero)."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: InstructionOp, rewriter: PatternRewriter, /) -> None:
        """Erase when a *written* extent is zero."""
        written = op.AXES.get("dst", (0, 1, 2))
        if any(op.extent_values[axis] == 0 for axis in written):
            rewriter.erase(op)


class FoldExtents(RewritePattern):
    """A known register that multiplies an extent becomes part of it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: InstructionOp, rewriter: PatternRewriter, /) -> None:
        """Multiply every known register into its extent."""
        values = [known(dim) for dim in op.dims]
        if all(v is None for v in values) or any(v is not None and v < 0 for v in values):
            return
        extents = list(op.extent_values)
        for axis, value in enumerate(values):
            if value is not None:
                extents[axis] *= value
        dims = [d if v is None else None for d, v in zip(op.dims, values, strict=True)]
        op.set_extents(extents, dims)
        rewriter.notify_op_modified(op)


class FoldViewIndex(RewritePattern):
    """A known index goes into the offset; an index that moves nothing goes."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ViewOp, rewriter: PatternRewriter, /) -> None:
        """Replace the view by one without an index."""
        if op.index is None:
            return
        stride = op.index_stride.value.data
        index = known(op.index) if stride else 0
        if index is None:
            return
        offset = op.offset.value.data + index * stride
        rewriter.replace(op, ViewOp(op.buffer, offset, op.stride_values))


class FoldScalar(RewritePattern):
    """Arithmetic on known registers is done now."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScalarOp, rewriter: PatternRewriter, /) -> None:
        """Fold two known operands, and neutral elements."""
        a, b, kind = known(op.a), known(op.b), op.kind.data
        if a is not None and b is not None and not (b == 0 and kind in ("div", "ceildiv", "mod")):
            rewriter.replace(op, ImmediateOp(evaluate(kind, a, b)))
        elif b == (0 if kind in ("add", "sub") else 1) and kind in ("add", "sub", "mul", "div"):
            rewriter.replace(op, [], [op.a])
        elif a == (0 if kind == "add" else 1) and kind in ("add", "mul"):
            rewriter.replace(op, [], [op.b])


class SimplifyLoop(RewritePattern):
    """Known counts become static, no turn erases the loop, one turn dissolves it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: LoopOp, rewriter: PatternRewriter, /) -> None:
        """Rewrite by the count, where it is known."""
        count = op.maximum if op.count is None else known(op.count)
        if op.maximum == 0 or (count is not None and count <= 0) or not op.body.block.ops.first:
            rewriter.erase(op)
        elif count == 1 and not op.leaves:
            zero = ImmediateOp(0)
            rewriter.insert(zero)
            _inline(op.body.block, op, rewriter, [zero.result])
        elif op.count is not None and count is not None:
            op.operands = []
            op.properties["max"] = IntegerAttr(count, i64)
            rewriter.notify_op_modified(op)


class DropIdleBreak(RewritePattern):
    """A break on a register that is known not to be zero leaves nothing."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BreakOp, rewriter: PatternRewriter, /) -> None:
        """Erase it."""
        if known(op.condition):
            rewriter.erase(op)


class SimplifyIf(RewritePattern):
    """A known condition leaves the branch it takes; two empty branches leave nothing."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: IfOp, rewriter: PatternRewriter, /) -> None:
        """Inline the taken branch."""
        condition = known(op.condition)
        then, otherwise = op.then_region.block, op.else_region.block
        if then.ops.first is None and otherwise.ops.first is None:
            rewriter.erase(op)
        elif condition is not None:
            _inline(then if condition else otherwise, op, rewriter, [])


def same_window(a: ViewOp, b: ViewOp) -> bool:
    """Whether two views address the same elements in the same order."""
    return a.buffer is b.buffer and a.index is b.index and a.properties == b.properties


def _inline(block: Block, op: Operation, rewriter: PatternRewriter, args: list[SSAValue]) -> None:
    rewriter.inline_block(block, InsertPoint.before(op), args)
    rewriter.erase(op)
