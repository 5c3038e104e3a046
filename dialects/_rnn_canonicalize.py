"""Canonicalisation of ``rnn.scan`` and ``rnn.while``: what a step does not need is not carried, read or written."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from rnncc.dialects._nn_constant import ConstantOp
from rnncc.dialects._rnn_drop import drop, live_states, replace_as
from rnncc.dialects._rnn_scan import ScanOp
from rnncc.dialects._rnn_single_step import SingleStep
from rnncc.dialects._rnn_while import WhileOp


class InvariantStates(RewritePattern):
    """A state that every step yields unchanged is its initial value, inside and outside."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp | WhileOp, rewriter: PatternRewriter) -> None:
        fixed = [
            k
            for k, (argument, value) in enumerate(
                zip(op.state_args, op.yielded_states, strict=True)
            )
            if value is argument or value is op.inits[k]
        ]
        for k in fixed:
            # With steps or lens of zero the init is the final state just the same; but a state
            # that is set to its init by every step is the init before the first one too.
            op.state_args[k].replace_all_uses_with(op.inits[k])
            op.states[k].replace_all_uses_with(op.inits[k])
            if isinstance(op, WhileOp):
                op.tested[k].replace_all_uses_with(op.inits[k])
        if fixed:
            drop(op, rewriter, states=fixed)


class RepeatedValues(RewritePattern):
    """An input read twice is read once; an output written twice is written once."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp | WhileOp, rewriter: PatternRewriter) -> None:
        inputs = _repeated(list(zip(op.inputs, op.input_flags, strict=True)))
        outputs = _repeated(list(zip(op.yielded_outputs, op.output_flags, strict=True)))
        for later, first in inputs.items():
            op.slice_args[later].replace_all_uses_with(op.slice_args[first])
        for later, first in outputs.items():
            op.outputs[later].replace_all_uses_with(op.outputs[first])
        if inputs or outputs:
            drop(op, rewriter, inputs=inputs, outputs=outputs)


class UnusedValues(RewritePattern):
    """Outputs nobody reads, states that feed no result and no condition, and inputs no step reads go."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp | WhileOp, rewriter: PatternRewriter) -> None:
        outputs = [k for k, value in enumerate(op.outputs) if value.first_use is None]
        tested = op.tested if isinstance(op, WhileOp) else ()
        needed = [k for k, value in enumerate(tested) if value.first_use is not None]
        live = live_states(op, outputs, needed)
        states = [k for k in range(len(op.inits)) if k not in live]
        if outputs or states:
            drop(op, rewriter, states=states, outputs=outputs)
            return
        inputs = [k for k, value in enumerate(op.slice_args) if value.first_use is None]
        if inputs:
            drop(op, rewriter, inputs=inputs)


class AlwaysGoing(RewritePattern):
    """A while whose condition always holds, and whose length nobody asks for, is a scan."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: WhileOp, rewriter: PatternRewriter) -> None:
        if op.done.first_use is not None or not _is_true(op.test.arguments[0]):
            return
        new = ScanOp.make(
            [], op.inits, op.detach_region(op.body), max_steps=op.count, steps=op.steps
        )
        replace_as(op, new, rewriter, [*new.states, None, *new.outputs])


SCAN_PATTERNS: tuple[RewritePattern, ...] = (
    InvariantStates(),
    RepeatedValues(),
    UnusedValues(),
    SingleStep(),
)

WHILE_PATTERNS: tuple[RewritePattern, ...] = (
    InvariantStates(),
    RepeatedValues(),
    UnusedValues(),
    AlwaysGoing(),
)


def _repeated(items: list[Hashable]) -> dict[int, int]:
    """Place of each later occurrence -> place of the first."""
    first: dict[Hashable, int] = {}
    return {k: first[item] for k, item in enumerate(items) if first.setdefault(item, k) != k}


def _is_true(value: SSAValue) -> bool:
    return isinstance(value.owner, ConstantOp) and bool(np.all(value.owner.array))
