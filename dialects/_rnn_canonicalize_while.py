"""Canonicalisation of ``rnn.while``: what nobody needs is not carried, a condition that always holds goes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from rnncc.dialects._nn_constant import ConstantOp
from rnncc.dialects._rnn_canonicalize import erase_unused, live_states
from rnncc.dialects._rnn_scan import ScanOp, YieldOp
from rnncc.dialects._rnn_while import WhileOp
from rnncc.dialects._types import copy_node


class InvariantWhileStates(RewritePattern):
    """A state that every step yields unchanged is its initial value, inside and outside."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: WhileOp, rewriter: PatternRewriter) -> None:
        fixed = [
            k
            for k, (argument, value) in enumerate(
                zip(op.state_args, op.yielded_states, strict=True)
            )
            if value is argument or value is op.inits[k]
        ]
        for k in fixed:
            for same in (op.state_args[k], op.tested[k], op.states[k]):
                same.replace_all_uses_with(op.inits[k])
        if fixed:
            drop_from_while(op, rewriter, states=fixed)


class UnusedWhileValues(RewritePattern):
    """Outputs nobody reads and states that feed neither the condition nor a result go."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: WhileOp, rewriter: PatternRewriter) -> None:
        outputs = [k for k, value in enumerate(op.outputs) if value.first_use is None]
        tested = [k for k, value in enumerate(op.tested) if value.first_use is not None]
        live = live_states(op, set(outputs), tested)
        states = [k for k in range(len(op.inits)) if k not in live]
        if outputs or states:
            drop_from_while(op, rewriter, states=states, outputs=outputs)


class AlwaysGoing(RewritePattern):
    """A while whose condition always holds, and whose length nobody asks for, is a scan."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: WhileOp, rewriter: PatternRewriter) -> None:
        if op.done.first_use is not None or not _is_true(op.test.arguments[0]):
            return
        new = ScanOp.make(
            [], op.inits, op.detach_region(op.body), max_steps=op.count, steps=op.steps
        )
        new.attributes |= op.attributes
        new.location = op.location
        results: list[SSAValue | None] = [*new.states, None, *new.outputs]
        rewriter.replace(op, new, results)


PATTERNS: tuple[RewritePattern, ...] = (
    InvariantWhileStates(),
    UnusedWhileValues(),
    AlwaysGoing(),
)


def drop_from_while(
    op: WhileOp,
    rewriter: PatternRewriter,
    *,
    states: Collection[int] = (),
    outputs: Collection[int] = (),
) -> WhileOp:
    """Replace a while by one without the numbered states and outputs, whose uses must be dead."""
    kept_states = [k for k in range(len(op.inits)) if k not in states]
    kept_outputs = [k for k in range(len(op.outputs)) if k not in outputs]
    old_yield = op.terminator
    yielded = [op.yielded_states[k] for k in kept_states]
    yielded += [op.yielded_outputs[k] for k in kept_outputs]
    dead = [(op.tested[k], op.state_args[k]) for k in states]
    inits = [op.inits[k] for k in kept_states]
    condition, body = [op.detach_region(region) for region in list(op.regions)]
    new_yield = YieldOp(*yielded)
    copy_node(old_yield, new_yield)
    rewriter.replace(old_yield, new_yield, [])
    erase_unused(body.block, rewriter)
    for tested, argument in dead:
        condition.block.erase_arg(tested)
        body.block.erase_arg(argument)
    new = WhileOp.make(inits, condition, body, max_steps=op.count, steps=op.steps)
    new.attributes |= op.attributes
    new.location = op.location
    results: list[SSAValue | None] = [None] * len(op.results)
    for place, k in enumerate(kept_states):
        results[k] = new.states[place]
    results[len(op.inits)] = new.done
    for place, k in enumerate(kept_outputs):
        results[len(op.inits) + 1 + k] = new.outputs[place]
    rewriter.replace(op, new, results)
    return new


def _is_true(value: SSAValue) -> bool:
    return isinstance(value.owner, ConstantOp) and bool(np.all(value.owner.array))
