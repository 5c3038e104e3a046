"""A recurrence without what nobody needs of it: inputs, states and outputs by number."""

from __future__ import annotations

from collections.abc import Collection

from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter
from xdsl.traits import is_side_effect_free

from rnncc.dialects._rnn_scan import ScanOp
from rnncc.dialects._rnn_while import WhileOp
from rnncc.dialects._rnn_yield import YieldOp
from rnncc.dialects._types import copy_node


def drop(
    op: ScanOp | WhileOp,
    rewriter: PatternRewriter,
    *,
    inputs: Collection[int] = (),
    states: Collection[int] = (),
    outputs: Collection[int] = (),
) -> None:
    """Replace a recurrence by one without the numbered inputs, states and outputs.

    What they are used for must be dead: outputs and final states without uses, arguments that
    reach nothing that stays.
    """
    kept_states = [k for k in range(len(op.inits)) if k not in states]
    kept_outputs = [k for k in range(len(op.outputs)) if k not in outputs]
    old_yield = op.terminator
    yielded = [op.yielded_states[k] for k in kept_states]
    yielded += [op.yielded_outputs[k] for k in kept_outputs]
    dead = [op.slice_args[k] for k in inputs] + [op.state_args[k] for k in states]
    if isinstance(op, WhileOp):
        dead += [op.tested[k] for k in states]
    new_yield = YieldOp(*yielded)
    copy_node(old_yield, new_yield)
    rewriter.replace(old_yield, new_yield, [])
    _erase_unused(op.body.block, rewriter)
    for argument in dead:
        argument.block.erase_arg(argument)
    new = _rebuilt(op, inputs, kept_states, kept_outputs)
    results: dict[SSAValue, SSAValue] = dict(
        zip((op.states[k] for k in kept_states), new.states, strict=True)
    )
    results |= zip((op.outputs[k] for k in kept_outputs), new.outputs, strict=True)
    if isinstance(op, WhileOp) and isinstance(new, WhileOp):
        results[op.done] = new.done
    replace_as(op, new, rewriter, [results.get(result) for result in op.results])


def replace_as(
    op: Operation, new: Operation, rewriter: PatternRewriter, results: list[SSAValue | None]
) -> None:
    """Put `new` in the place of `op`, of whose attributes and location it is."""
    new.attributes |= op.attributes
    new.location = op.location
    rewriter.replace(op, new, results)


def _rebuilt(
    op: ScanOp | WhileOp, inputs: Collection[int], kept_states: list[int], kept_outputs: list[int]
) -> ScanOp | WhileOp:
    """The same recurrence of the regions as they have become, without the numbered inputs."""
    inits = [op.inits[k] for k in kept_states]
    regions = [op.detach_region(region) for region in list(op.regions)]
    if isinstance(op, WhileOp):
        condition, body = regions
        return WhileOp.make(inits, condition, body, max_steps=op.count, steps=op.steps)
    kept_inputs = [k for k in range(len(op.inputs)) if k not in inputs]
    return ScanOp.make(
        [op.inputs[k] for k in kept_inputs],
        inits,
        regions[0],
        max_steps=op.count,
        symbol=op.symbol.data,
        lens=op.lens,
        steps=op.steps,
        input_reverse=[op.input_flags[k] for k in kept_inputs],
        output_reverse=[op.output_flags[k] for k in kept_outputs],
    )


def live_states(
    op: ScanOp | WhileOp, unused_outputs: Collection[int], needed: Collection[int] = ()
) -> set[int]:
    """The states that a used result or a needed state depends on, directly or through other states."""
    live: set[int] = set()
    seen: set[SSAValue] = set()
    work = [value for k, value in enumerate(op.yielded_outputs) if k not in unused_outputs]
    new = [*needed, *(k for k, value in enumerate(op.states) if value.first_use is not None)]
    arguments = {argument: k for k, argument in enumerate(op.state_args)}
    for inner in op.body.walk():
        if not is_side_effect_free(inner) and inner is not op.terminator:
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


def _reads(producer: Operation | Block, recurrence: ScanOp | WhileOp) -> list[SSAValue]:
    """What an operation of the step reads, in its regions too; nothing for values from outside."""
    if not isinstance(producer, Operation) or not recurrence.is_ancestor(producer):
        return []
    return [value for inner in producer.walk() for value in inner.operands]


def _erase_unused(block: Block, rewriter: PatternRewriter) -> None:
    """Erase what has lost its last use, last operation first."""
    for op in reversed(list(block.ops)):
        if op is block.last_op or not is_side_effect_free(op):
            continue
        if all(result.first_use is None for result in op.results):
            rewriter.erase(op)
