"""rnn.scan: a loop whose states live in place."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import SSAValue

from rnncc.dialects import rnn
from rnncc.passes._lower.attributes import memory_of_value
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Index, Ref
from rnncc.passes._lower.step import Storage, steps
from rnncc.passes._lower.turn import Turn

UNROLL_ATTR = "rnn.unroll"
"""On a scan: how many of its steps one turn of its loop does (`unroll-timesteps`)."""


def scan(low: Lowering, op: rnn.ScanOp) -> None:
    """States become buffers, the step a loop body, slices windows that the index moves."""
    whole = low.dim(op.count, op.symbol.data)
    count = count_of(low, op, whole)
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
    sequences = {v: sequence(low, v) for v in op.inputs}
    if count.size:
        turns(low, op, count, Storage(sequences, states, stacks))
    for state in states:
        low.forget(state.buffer)
    for result, state in zip(op.states, states, strict=True):
        low.put(result, state)


def _used(value: SSAValue) -> bool:
    return value.first_use is not None


def count_of(low: Lowering, op: rnn.Recurrence, whole: Dim) -> Dim:
    """The number of turns: the length, or the run-time count kept between 0 and the length."""
    if op.steps is None:
        return whole
    number = low.scalar("min", low.scalar("max", low.read(op.steps), 0), low.extent(whole))
    return Dim(number) if isinstance(number, int) else Dim(op.count, number)


def sequence(low: Lowering, value: SSAValue) -> Ref:
    """A scan input: brought on chip in one piece when `place-memory` gives it room there."""
    ref = low.get(value)
    if ref.memory == "dram" and memory_of_value(value) == "vmem":
        return low.load(ref)
    return ref


def turns(low: Lowering, op: rnn.ScanOp, count: Dim, storage: Storage, base: Index = 0) -> None:
    """`count` steps from step `base` on: a loop of `rnn.unroll` steps a turn, and what remains."""
    factor = min(unroll_of(op), count.size)
    if count.reg is not None:
        done, left = _split(low, count, factor)
        with low.loop(done) as index:
            steps(low, op, [Turn(count, index, factor, k, base) for k in range(factor)], storage)
        if left is not None:
            base = low.scalar("add", low.scalar("mul", low.extent(done), factor), base)
            with low.loop(left) as index:
                steps(low, op, [Turn(count, index, base=base)], storage)
        return
    whole, rest = divmod(count.size, factor)
    if whole == 1 and factor > 1:
        steps(low, op, [Turn(count, offset=k, base=base) for k in range(count.size)], storage)
        return
    with low.loop(Dim(whole)) as index:
        steps(low, op, [Turn(count, index, factor, k, base) for k in range(factor)], storage)
    if rest:
        first = whole * factor
        last = [Turn(count, offset=first + k, base=base) for k in range(rest)]
        steps(low, op, last, storage)


def _split(low: Lowering, count: Dim, factor: int) -> tuple[Dim, Dim | None]:
    """Turns of `factor` steps, and the steps that remain, of a run-time count."""
    if factor == 1:
        return count, None
    steps = low.extent(count)
    done, left = low.scalar("div", steps, factor), low.scalar("mod", steps, factor)
    assert not isinstance(done, int) and not isinstance(left, int)
    return Dim(count.size // factor, done), Dim(factor - 1, left)


def unroll_of(op: rnn.ScanOp) -> int:
    """Steps a turn that `unroll-timesteps` chose."""
    factor = op.attributes.get(UNROLL_ATTR)
    return factor.value.data if isinstance(factor, IntegerAttr) else 1


HANDLERS = {rnn.ScanOp: scan}
