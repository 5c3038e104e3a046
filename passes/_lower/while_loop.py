"""rnn.while: a loop that is left when its condition does not hold."""

from __future__ import annotations

from dataclasses import replace

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from rnncc.dialects import npu, rnn
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.scan import count_of
from rnncc.passes._lower.step import Storage, forget_results, steps
from rnncc.passes._lower.turn import Turn


def while_loop(low: Lowering, op: rnn.WhileOp) -> None:
    """States become buffers; each turn tests the condition, leaves or does the step."""
    count = count_of(low, op, low.dim(op.count, ""))
    states = []
    for init, result in zip(op.inits, op.states, strict=True):
        state = low.new(result)
        low.copy(state, low.get(init))
        states.append(state)
    stacks: list[Ref | None] = []
    for result in op.outputs:
        stack = low.place(result) if result.first_use is not None else None
        if stack is not None:
            low.fill(stack, 0)
        stacks.append(stack)
    done = _counter(low, op)
    if count.size:
        with low.loop(count) as index:
            _leave(low, op, states, index)
            steps(low, op, [Turn(count, index)], Storage({}, states, stacks))
            if done is not None:
                here = replace(done, level=low.depth)
                low.walk([here, here, low.number(1, i64)], _add)
    for state in states:
        low.forget(state.buffer)
    for result, state in zip(op.states, states, strict=True):
        low.put(result, state)
    if done is not None:
        low.forget(done.buffer)
        low.put(op.done, done)


def _counter(low: Lowering, op: rnn.WhileOp) -> Ref | None:
    """A buffer for the number of steps done, when somebody asks for it."""
    if op.done.first_use is None:
        return None
    done = low.alloc([], i64, name="done")
    low.fill(done, 0)
    return done


def _leave(low: Lowering, op: rnn.WhileOp, states: list[Ref], index: SSAValue) -> None:
    """Lower the condition, and the break that it decides."""
    forget_results(low, op.condition)
    argument = op.condition.block.args[0]
    low.env.pop(argument, None)
    low.registers[argument] = index
    for tested, state in zip(op.tested, states, strict=True):
        low.put(tested, replace(state, level=low.depth))
    handlers = dict(low.handlers)
    low.handlers[rnn.YieldOp] = lambda low, op: None
    low.run(op.condition.block)
    low.handlers = handlers
    again = low.read(op.test.arguments[0])
    if not isinstance(again, int) or not again:
        low.add(npu.BreakOp(low.reg(again)))


def _add(dst: SSAValue, a: SSAValue, b: SSAValue, **shape: object) -> npu.BinaryOp:
    return npu.BinaryOp("add", dst, a, b, **shape)  # type: ignore[arg-type]


HANDLERS = {rnn.WhileOp: while_loop}
