"""Canonicalisation of ``rnn.scan``: what a step does not need is not carried, read or written."""

from __future__ import annotations

from collections.abc import Collection, Hashable

from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import is_side_effect_free

from rnncc.dialects._rnn_scan import ScanOp, YieldOp
from rnncc.dialects._rnn_single_step import SingleStep
from rnncc.dialects._rnn_while import WhileOp
from rnncc.dialects._types import copy_node


class InvariantStates(RewritePattern):
    """A state that every step yields unchanged is its initial value, inside and outside."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
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
        if fixed:
            drop(op, rewriter, states=fixed)


class RepeatedValues(RewritePattern):
    """An input read twice is read once; an output written twice is written once."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        inputs = _repeated(list(zip(op.inputs, op.input_flags, strict=True)))
        outputs = _repeated(list(zip(op.yielded_outputs, op.output_flags, strict=True)))
        for later, first in inputs.items():
            op.slice_args[later].replace_all_uses_with(op.slice_args[first])
        for later, first in outputs.items():
            op.outputs[later].replace_all_uses_with(op.outputs[first])
        if inputs or outputs:
            drop(op, rewriter, inputs=inputs, outputs=outputs)


class UnusedValues(RewritePattern):
    """Outputs nobody reads, states that feed only themselves and inputs no step reads go."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        outputs = [k for k, value in enumerate(op.outputs) if value.first_use is None]
        live = live_states(op, set(outputs))
        states = [k for k in range(len(op.inits)) if k not in live]
        if outputs or states:
            drop(op, rewriter, states=states, outputs=outputs)
            return
        inputs = [k for k, value in enumerate(op.slice_args) if value.first_use is None]
        if inputs:
            drop(op, rewriter, inputs=inputs)


PATTERNS: tuple[RewritePattern, ...] = (
    InvariantStates(),
    RepeatedValues(),
    UnusedValues(),
    SingleStep(),
)


def drop(
    op: ScanOp,
    rewriter: PatternRewriter,
    *,
    inputs: Collection[int] = (),
    states: Collection[int] = (),
    outputs: Collection[int] = (),
) -> ScanOp:
    """Replace a scan by one without the numbered inputs, states and outputs.

    What they are used for must be dead: outputs and final states without uses, arguments that
    reach nothing that stays.
    """
    kept_states = [k for k in range(len(op.inits)) if k not in states]
    kept_outputs = [k for k in range(len(op.outputs)) if k not in outputs]
    kept_inputs = [k for k in range(len(op.inputs)) if k not in inputs]
    old_yield = op.terminator
    yielded = [op.yielded_states[k] for k in kept_states]
    yielded += [op.yielded_outputs[k] for k in kept_outputs]
    dead = [op.slice_args[k] for k in inputs] + [op.state_args[k] for k in states]
    region = op.detach_region(op.body)
    block = region.block
    new_yield = YieldOp(*yielded)
    copy_node(old_yield, new_yield)
    rewriter.replace(old_yield, new_yield, [])
    erase_unused(block, rewriter)
    for argument in dead:
        block.erase_arg(argument)
    new = ScanOp.make(
        [op.inputs[k] for k in kept_inputs],
        [op.inits[k] for k in kept_states],
        region,
        max_steps=op.count,
        symbol=op.symbol.data,
        lens=op.lens,
        steps=op.steps,
        input_reverse=[op.input_flags[k] for k in kept_inputs],
        output_reverse=[op.output_flags[k] for k in kept_outputs],
    )
    new.attributes |= op.attributes
    new.location = op.location
    results: list[SSAValue | None] = [None] * len(op.results)
    for place, k in enumerate(kept_states):
        results[k] = new.states[place]
    for place, k in enumerate(kept_outputs):
        results[len(op.inits) + k] = new.outputs[place]
    rewriter.replace(op, new, results)
    return new


def _repeated(items: list[Hashable]) -> dict[int, int]:
    """Place of each later occurrence -> place of the first."""
    first: dict[Hashable, int] = {}
    return {k: first[item] for k, item in enumerate(items) if first.setdefault(item, k) != k}


def live_states(
    op: ScanOp | WhileOp, unused_outputs: set[int], needed: Collection[int] = ()
) -> set[int]:
    """The states that a used result or a needed state depends on, directly or through other states."""
    live: set[int] = set()
    seen: set[SSAValue] = set()
    work = [value for k, value in enumerate(op.yielded_outputs) if k not in unused_outputs]
    new = [*needed, *(k for k, value in enumerate(op.states) if value.first_use is not None)]
    arguments = {argument: k for k, argument in enumerate(op.state_args)}
    for inner in op.body.walk():
        if inner is not op and not is_side_effect_free(inner) and inner is not op.terminator:
            work.extend(inner.operands)
    while work or new:
        while new:
            k = new.pop()
            if k not in live:
                live.add(k)
                work.append(op.yielded_states[k])
        if not work:
            break
        value = work.pop()
        if value in seen:
            continue
        seen.add(value)
        if isinstance(value, BlockArgument):
            if value in arguments:
                new.append(arguments[value])
            continue
        work.extend(_reads(value.owner, op))
    return live


def _reads(producer: Operation | Block, scan: ScanOp | WhileOp) -> list[SSAValue]:
    """What an operation of the step reads, in its regions too; nothing for values from outside."""
    if not isinstance(producer, Operation) or not scan.is_ancestor(producer):
        return []
    return [value for inner in producer.walk() for value in inner.operands]


def erase_unused(block: Block, rewriter: PatternRewriter) -> None:
    """Erase what has lost its last use, last operation first."""
    for op in reversed(list(block.ops)):
        if op is block.last_op or not is_side_effect_free(op):
            continue
        if all(result.first_use is None for result in op.results):
            rewriter.erase(op)
