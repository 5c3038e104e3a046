"""rnn.scan: a loop whose states live in place."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.passes._lower.attributes import memory_of_value
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.elementwise import IN_PLACE
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref, same_window

VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastOp, nn.DynamicSliceOp)
"""Operations whose result may be the operand's own storage."""


def scan(low: Lowering, op: rnn.ScanOp) -> None:
    """States become buffers, the step a loop body, slices windows that the index moves."""
    whole = low.dim(op.count, op.symbol.data)
    count = _count(low, op, whole)
    states = []
    for init, result in zip(op.inits, op.states, strict=True):
        state = low.new(result)
        low.copy(state, low.get(init))
        states.append(state)
    stacks = []
    for result in op.outputs:
        stack = low.place(result) if _used(result) else None
        if stack is not None and op.steps is not None:
            low.fill(stack, 0)
        stacks.append(stack)
    sequences = {v: _sequence(low, v) for v in op.inputs}
    if count.size:
        with low.loop(count) as index:
            _step(low, op, count, index, sequences=sequences, states=states, stacks=stacks)
    for result, state in zip(op.states, states, strict=True):
        low.put(result, state)


def _used(value: SSAValue) -> bool:
    return value.first_use is not None


def _count(low: Lowering, op: rnn.ScanOp, whole: Dim) -> Dim:
    """The number of turns: the length, or the run-time count kept between 0 and the length."""
    if op.steps is None:
        return whole
    turns = low.scalar("min", low.scalar("max", low.read(op.steps), 0), low.extent(whole))
    return Dim(turns) if isinstance(turns, int) else Dim(op.count, turns)


def _sequence(low: Lowering, value: SSAValue) -> Ref:
    """A scan input: brought on chip in one piece when `place-memory` gives it room there."""
    ref = low.get(value)
    if ref.memory == "dram" and memory_of_value(value) == "vmem":
        return low.load(ref)
    return ref


def _slice(low: Lowering, ref: Ref, count: Dim, index: SSAValue, reverse: bool) -> Ref:
    """Step ``index`` of a sequence, from its start or from its actual end."""
    if not reverse:
        step = ref.at(0, index)
    elif count.reg is None:
        step = ref.at(0, count.size - 1).moved(index, -ref.strides[0])
    else:
        last = low.scalar("sub", low.extent(count), 1)
        step = ref.at(0, low.scalar("sub", last, index))
    return replace(step, level=low.depth)


def _step(
    low: Lowering,
    op: rnn.ScanOp,
    count: Dim,
    index: SSAValue,
    *,
    sequences: dict[SSAValue, Ref],
    states: list[Ref],
    stacks: list[Ref | None],
) -> None:
    body = op.body.block
    low.registers[op.index] = index
    for argument, value, reverse in zip(op.slice_args, op.inputs, op.input_flags, strict=True):
        if _used(argument):
            step = _slice(low, sequences[value], count, index, reverse)
            # Several readers, each of a part perhaps: one transfer brings the whole step.
            shared = step.memory == "dram" and not argument.has_one_use()
            low.put(argument, low.load(step) if shared else step)
    for argument, state in zip(op.state_args, states, strict=True):
        low.put(argument, replace(state, level=low.depth))
    end = op.terminator
    targets: list[Ref | None] = [replace(s, level=low.depth) for s in states]
    for stack, reverse in zip(stacks, op.output_flags, strict=True):
        targets.append(None if stack is None else _slice(low, stack, count, index, reverse))
    order = {inner: i for i, inner in enumerate(body.ops)}
    for number, target in enumerate(targets):
        if target is None:
            continue
        if number < len(states):
            offer = partial(_offer, low, body, order, op.state_args[number], target)
            low.sinks[end, number] = offer
        else:
            low.sinks[end, number] = partial(_same, target)
    handlers = dict(low.handlers)
    low.handlers[rnn.YieldOp] = lambda low, _: _finish(low, end, targets, len(states))
    low.run(body)
    low.handlers = handlers


def _same(ref: Ref) -> Ref:
    return ref


def _offer(
    low: Lowering, body: Block, order: dict[Operation, int], state: SSAValue, target: Ref
) -> Ref | None:
    """The state's own buffer for the new state, when the old one is not read after this."""
    writer = low.current[body]
    now = order[writer]
    for reader, value in _readers(body, state):
        if order[reader] > now:
            return None
        if order[reader] == now and not (
            isinstance(writer, IN_PLACE) and value.type == state.type and _plain(low, value, target)
        ):
            return None
    return target


def _plain(low: Lowering, value: SSAValue, target: Ref) -> bool:
    return value in low.env and same_window(low.env[value], target)


def _readers(body: Block, value: SSAValue) -> list[tuple[Operation, SSAValue]]:
    """Operations of the body that read a value's storage, through views as well."""
    found = []
    for use in value.uses:
        op: Operation | None = use.operation
        while op is not None and op.parent is not body:
            op = op.parent_op()
        if op is None:
            continue
        found.append((op, value))
        views = isinstance(op, (*VIEWS, nn.UnaryOp, nn.CastOp)) and op is use.operation
        if views and use.index == 0:
            found += _readers(body, op.results[0])
    return found


def _finish(low: Lowering, end: rnn.YieldOp, targets: list[Ref | None], states: int) -> None:
    """Copy what was not written in place; states last, and none before it has been read."""
    moves: list[tuple[Ref, Ref]] = []
    for value, target in zip(end.arguments, targets, strict=True):
        if target is None:
            continue
        source = low.get(value)
        if not same_window(source, target):
            moves.append((target, source))
    for target, source in moves:
        if not any(target.buffer is s.buffer for s in _state_refs(targets, states)):
            low.copy(target, source)
    _parallel(
        low,
        [m for m in moves if any(m[0].buffer is s.buffer for s in _state_refs(targets, states))],
    )


def _state_refs(targets: list[Ref | None], states: int) -> list[Ref]:
    return [t for t in targets[:states] if t is not None]


def _parallel(low: Lowering, moves: list[tuple[Ref, Ref]]) -> None:
    """Copies as if all at once: a buffer is overwritten after its last reader, cycles are cut."""
    while moves:
        free = [
            m for m in moves if not any(o is not m and o[1].buffer is m[0].buffer for o in moves)
        ]
        if free and free[0][1].buffer is not free[0][0].buffer:
            target, source = free[0]
            low.copy(target, source)
            moves.remove(free[0])
            continue
        target, source = free[0] if free else moves[0]
        spare = low.staging(replace(source, index=()), name="swap")
        low.copy(spare, source)
        moves[moves.index((target, source))] = (target, spare)


HANDLERS = {rnn.ScanOp: scan}
