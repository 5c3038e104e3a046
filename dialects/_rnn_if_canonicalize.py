"""Canonicalisation of ``rnn.if``: known conditions, results that need no choice or no reader. Exact."""

from __future__ import annotations

from xdsl.ir import Block, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn
from rnncc.dialects._rnn_if import IfOp
from rnncc.dialects._rnn_yield import YieldOp
from rnncc.dialects._types import copy_node


class KnownCondition(RewritePattern):
    """A constant condition leaves one region; a negated one exchanges the two."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: IfOp, rewriter: PatternRewriter) -> None:
        owner = op.condition.owner
        if isinstance(owner, nn.ConstantOp):
            taken = op.ends[0 if bool(nn.array_of(owner.value)) else 1]
            values = list(taken.arguments)
            block = taken.parent
            assert block is not None
            rewriter.erase(taken)
            rewriter.inline_block(block, InsertPoint.before(op), [])
            rewriter.replace(op, [], values)
        elif isinstance(owner, nn.UnaryOp) and owner.kind.data == "not":
            then, otherwise = (_take(r.block) for r in (op.then_region, op.else_region))
            _swap(op, IfOp.make(owner.x, otherwise, then), rewriter)


class UselessResults(RewritePattern):
    """A result without readers goes; one that both regions take from the same place is that."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: IfOp, rewriter: PatternRewriter) -> None:
        pairs = list(zip(*(end.arguments for end in op.ends), strict=True))
        for result, (a, b) in zip(op.results, pairs, strict=True):
            if a is b and result.first_use is not None:
                result.replace_all_uses_with(a)
        first: dict[tuple[SSAValue, SSAValue], int] = {}
        for number, pair in enumerate(pairs):
            kept = first.setdefault(pair, number)
            if kept != number and op.results[number].first_use is not None:
                op.results[number].replace_all_uses_with(op.results[kept])
        keep = [k for k, result in enumerate(op.results) if result.first_use is not None]
        if not keep:
            rewriter.erase(op)
        elif len(keep) < len(op.results):
            blocks = []
            for end in op.ends:
                new = YieldOp(*(end.arguments[k] for k in keep))
                copy_node(end, new)
                block = end.parent
                assert block is not None
                rewriter.replace(end, new, [])
                blocks.append(_take(block))
            _swap(op, IfOp.make(op.condition, *blocks), rewriter, keep)


def _take(block: Block) -> Block:
    """The block without the region around it."""
    region = block.parent
    assert region is not None
    region.detach_block(block)
    return block


def _swap(
    op: IfOp, new: IfOp, rewriter: PatternRewriter, keep: list[int] | None = None
) -> Operation:
    """Put `new` in the place of `op`; its results are those numbered `keep` of `op`, or all."""
    new.attributes |= op.attributes
    new.location = op.location
    results: list[SSAValue | None] = [None] * len(op.results)
    for place, k in enumerate(range(len(op.results)) if keep is None else keep):
        results[k] = new.results[place]
    rewriter.replace(op, new, results)
    return new


PATTERNS: tuple[RewritePattern, ...] = (KnownCondition(), UselessResults())
