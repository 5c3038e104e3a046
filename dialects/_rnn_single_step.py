"""Canonicalisation of an ``rnn.scan`` of one step: it is the step."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from rnncc.dialects._nn_constant import ConstantOp
from rnncc.dialects._nn_shape import ReshapeOp
from rnncc.dialects._rnn_scan import ScanOp
from rnncc.dialects._types import copy_node, type_of


class SingleStep(RewritePattern):
    """A scan of one step, whatever the lengths of a run, is straight code."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        if op.count != 1 or op.symbol.data or op.lens is not None or op.steps is not None:
            return

        def insert(new: Operation) -> SSAValue:
            copy_node(op, new)
            rewriter.insert(new, InsertPoint.before(op))
            return new.results[0]

        arguments = [insert(ConstantOp(np.zeros((), np.int64)))]
        for argument, value in zip(op.slice_args, op.inputs, strict=True):
            arguments.append(insert(ReshapeOp(value, type_of(argument))))
        arguments += op.inits
        end = op.terminator
        made = dict(zip(op.body.block.args, arguments, strict=True))
        yielded = [made.get(value, value) for value in end.arguments]  # type: ignore[arg-type]
        rewriter.erase(end)
        rewriter.inline_block(op.body.block, InsertPoint.before(op), arguments)
        states = len(op.inits)
        outputs = [
            insert(ReshapeOp(value, type_of(output)))
            for value, output in zip(yielded[states:], op.outputs, strict=True)
        ]
        rewriter.replace(op, [], [*yielded[:states], *outputs])
