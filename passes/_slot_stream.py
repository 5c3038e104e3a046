"""One recurrence that serves requests end to end: its states start anew where one begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.ir import Block, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._rnn_scan_types import slice_type
from rnncc.dialects._types import copy_node, numpy_dtype, shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter


def stream(
    op: rnn.ScanOp,
    starts: SSAValue,
    request: SSAValue | None,
    late: Callable[[SSAValue], bool],
    reverse: bool,
) -> tuple[rnn.ScanOp, dict[int, int]]:
    """Replace a scan by one whose states are its initial ones at each step that `starts` marks.

    Args:
        op: with one direction for all that it reads and writes; it is erased.
        starts: i1 [T].
        request: i64 [T], which request a step belongs to: one more input, the last, where it is given.
        late: whether an initial state is known at the steps only, as it belongs to a request.
        reverse: the direction.

    Returns: the new scan, and for each state that is used after it the number of the output that has it at each
        step.
    """
    emit = Emitter(op)
    ranks = sorted({len(shape_of(v)) for v in op.inits})
    extra = [emit.reshape(starts, *_times(starts, rank)) for rank in ranks]
    extra += [] if request is None else [request]
    inits = [_zeros(emit, v) if late(v) else v for v in op.inits]
    yielded, outputs = list(op.yielded_states), list(op.yielded_outputs)
    picked: dict[int, int] = {}
    for number, (state, value) in enumerate(zip(op.states, yielded, strict=True)):
        if state.first_use is not None:
            if value not in outputs:
                outputs.append(value)
            picked[number] = outputs.index(value)
    arguments, end, place = op.state_args, op.terminator, 1 + len(op.inputs)
    old_inits, old_results = list(op.inits), [list(op.states), list(op.outputs)]
    inputs = [*op.inputs, *extra]
    input_flags = [*op.input_flags, *[reverse] * len(extra)]
    region = op.detach_region(op.body)
    block = region.block
    flags = [
        block.insert_arg(slice_type(v.type, op.count, op.symbol.data), place + k)
        for k, v in enumerate(extra)
    ]
    _restart(block, arguments, old_inits, dict(zip(ranks, flags, strict=False)))
    last = rnn.YieldOp(*yielded, *outputs)
    copy_node(end, last)
    end.detach()
    end.erase()
    block.add_op(last)
    new = rnn.ScanOp.make(
        inputs,
        inits,
        region,
        max_steps=op.count,
        symbol=op.symbol.data,
        input_reverse=input_flags,
        output_reverse=[reverse] * len(outputs),
    )
    new.attributes |= op.attributes
    emit.add(new)
    for olds, fresh in zip(old_results, (new.states, new.outputs), strict=True):
        for old, result in zip(olds, fresh, strict=False):
            old.replace_all_uses_with(result)
            result.name_hint = old.name_hint
    op.detach()
    op.erase()
    return new, picked


def _times(starts: SSAValue, rank: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The shape and symbols of flags for states of `rank` dimensions, of which the first is for the rows."""
    (steps,), (symbol,) = shape_of(starts), symbols_of(starts)
    return (steps, *[1] * rank), (symbol, *[""] * rank)


def _zeros(emit: Emitter, like: SSAValue) -> SSAValue:
    kind = type_of(like)
    return emit.constant(np.zeros(shape_of(like), numpy_dtype(kind.element_type)))


def _restart(
    block: Block, arguments: tuple, inits: list[SSAValue], flags: dict[int, SSAValue]
) -> None:
    """Select the initial states at the step's start."""
    first = block.first_op
    assert first is not None
    emit = Emitter(first)
    for argument, init in zip(arguments, inits, strict=True):
        select = nn.SelectOp(flags[len(shape_of(init))], init, argument)
        emit.add(select)
        argument.replace_uses_with_if(
            select.result, lambda use, own=select: use.operation is not own
        )
