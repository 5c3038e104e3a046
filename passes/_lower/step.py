"""One step of rnn.scan or rnn.while: slices are windows, new states are written where the old ones were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from xdsl.ir import Block, Operation, Region, SSAValue

from rnncc.dialects import nn, npu, rnn
from rnncc.passes._lower.elementwise import IN_PLACE
from rnncc.passes._lower.epilogue import epilogue_of
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref, same_window
from rnncc.passes._lower.storage import ancestor_in
from rnncc.passes._lower.turn import Turn

VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastOp, nn.DynamicSliceOp)
"""Operations whose result may be the operand's own storage."""


@dataclass
class Storage:
    """Where a scan's values are.

    Attributes:
        sequences: the inputs.
        states: the buffers of the states; the old ones before a loop turn, the new ones after.
        stacks: the stacked outputs, None where nobody reads them.
    """

    sequences: dict[SSAValue, Ref]
    states: list[Ref]
    stacks: list[Ref | None]


def steps(low: Lowering, op: rnn.Recurrence, turns: list[Turn], storage: Storage) -> None:
    """Consecutive steps in straight code: only the last one writes the states' buffers."""
    current = storage.states
    for turn in turns[:-1]:
        current = _early_step(low, op, turn, storage, current)
    _last_step(low, op, turns[-1], storage, current)


def _arguments(
    low: Lowering, op: rnn.Recurrence, turn: Turn, storage: Storage, current: list[Ref]
) -> list[Ref | None]:
    """Bind the step's arguments; gives where its outputs go."""
    forget_results(low, op.body)
    low.env.pop(op.index, None)
    if op.index.first_use is not None:
        low.registers[op.index] = turn.number(low)
    for argument, value, reverse in zip(op.slice_args, op.inputs, op.input_flags, strict=True):
        if argument.first_use is not None:
            row = turn.row(low, storage.sequences[value], reverse)
            # Several readers or several blocks, each of a part perhaps: one transfer brings the whole row.
            several = not argument.has_one_use() or _in_blocks(argument)
            shared = row.memory == "dram" and several
            shared = shared and not _in_one_branch(op.body.block, argument)
            low.put(argument, low.load(row) if shared else row)
    for argument, state in zip(op.state_args, current, strict=True):
        low.put(argument, replace(state, level=low.depth))
    rows: list[Ref | None] = []
    for stack, reverse in zip(storage.stacks, op.output_flags, strict=True):
        rows.append(None if stack is None else turn.row(low, stack, reverse))
    return rows


def _in_one_branch(body: Block, value: SSAValue) -> bool:
    """Whether only one rnn.if of a body reads a value: it is not to be loaded when that is not taken."""
    readers = {ancestor_in(body, use.operation) for use in value.uses}
    return len(readers) == 1 and isinstance(readers.pop(), rnn.IfOp)


def forget_results(low: Lowering, region: Region) -> None:
    """Make a region's operations new: they are about to be lowered, perhaps once more."""
    for inner in region.walk():
        low.done.discard(inner)
        for result in inner.results:
            low.targets.pop(result, None)
            low.registers.pop(result, None)
            low.env.pop(result, None)


def _in_blocks(argument: SSAValue) -> bool:
    """Whether a slice is added to a product that is cut, block by block."""
    for use in argument.uses:
        for operand in use.operation.operands:
            product = operand.owner
            while isinstance(product, nn.ReshapeOp):
                product = product.x.owner
            if isinstance(product, nn.MatmulOp) and epilogue_of(product) is use.operation:
                return True
    return False


def _run(low: Lowering, op: rnn.Recurrence, targets: list[Ref | None]) -> None:
    """Lower the step's operations; copy what was not written where it belongs."""
    end, states = op.terminator, len(op.inits)
    for number, target in enumerate(targets[states:], states):
        if target is not None:
            low.sinks[end, number] = partial(_same, target)
    handlers = dict(low.handlers)
    low.handlers[rnn.YieldOp] = lambda low, _: finish(low, end, targets, states)
    low.run(op.body.block)
    low.handlers = handlers


def _last_step(
    low: Lowering, op: rnn.Recurrence, turn: Turn, storage: Storage, current: list[Ref]
) -> None:
    """A step that leaves the new states in their buffers."""
    rows = _arguments(low, op, turn, storage, current)
    body, end = op.body.block, op.terminator
    targets = [replace(s, level=low.depth) for s in storage.states]
    order = {inner: i for i, inner in enumerate(body.ops)}
    for number, target in enumerate(targets):
        if current is storage.states:
            offer = partial(_offer, low, body, order, op.state_args[number], target)
        else:
            # The step before has moved the states out of their buffers.
            offer = partial(_same, target)
        low.sinks[end, number] = offer
    _run(low, op, [*targets, *rows])


def _early_step(
    low: Lowering, op: rnn.Recurrence, turn: Turn, storage: Storage, current: list[Ref]
) -> list[Ref]:
    """A step with another behind it, which reads the states wherever they were computed."""
    rows = _arguments(low, op, turn, storage, current)
    for number in range(len(op.inits)):
        low.sinks.pop((op.terminator, number), None)
    before = low.scope.block.last_op
    _run(low, op, [*[None] * len(op.inits), *rows])
    own = {id(row.buffer) for row in rows if row is not None and row.memory == "vmem"}
    made = low.scope.block.last_op
    while made is not None and made is not before:
        if isinstance(made, npu.AllocOp):
            own.add(id(made.buffer))
        made = made.prev_op
    states = []
    for value, state in zip(op.yielded_states, storage.states, strict=True):
        ref = low.get(value)
        if id(ref.buffer) not in own or ref.memory != "vmem":
            # A value from outside, or an old state in a buffer that the last step overwrites.
            copy = low.alloc(state.dims, state.element, name="state")
            low.copy(copy, ref)
            ref = copy
        states.append(ref)
    return states


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
        if isinstance(writer, rnn.IfOp):
            continue  # what is read inside is looked at there, see `branch`
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


def finish(low: Lowering, end: rnn.YieldOp, targets: list[Ref | None], states: int) -> None:
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
