"""rnn.if: a scalar read and a branch around what only one way needs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from xdsl.ir import Block, Region, SSAValue

from rnncc.dialects import npu, rnn
from rnncc.passes._lower.elementwise import IN_PLACE
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref, same_window
from rnncc.passes._lower.step import finish


def branch(low: Lowering, op: rnn.IfOp) -> None:
    """Results are written where they are wanted by whichever way runs.

    A result that is a state of the scan around lives in the state's buffer: a way that leaves the
    state alone writes nothing, so that it may well be empty.
    """
    condition = low.read(op.condition)
    places = [None if r.first_use is None else low.place(r) for r in op.results]
    if isinstance(condition, int):
        _way(low, op.then_region.block if condition else op.else_region.block, places)
    else:
        ways = []
        for region in op.regions:
            with low.branch() as block:
                _way(low, region.block, places)
            ways.append(block)
        if any(block.ops.first is not None for block in ways):
            then, otherwise = map(Region, ways)
            low.add(npu.IfOp(condition, then, otherwise))
    for place in places:
        if place is not None:
            low.forget(place.buffer)


def _way(low: Lowering, block: Block, places: list[Ref | None]) -> None:
    """Lower one region into the open block."""
    end = block.last_op
    assert isinstance(end, rnn.YieldOp)
    targets = [None if p is None else replace(p, level=low.depth) for p in places]
    for number, target in enumerate(targets):
        if target is not None:
            low.sinks[end, number] = partial(_offer, low, block, target)
    handlers = dict(low.handlers)
    low.handlers[rnn.YieldOp] = lambda low, _: finish(low, end, targets, len(targets))
    low.run(block)
    low.handlers = handlers


def _offer(low: Lowering, block: Block, target: Ref) -> Ref | None:
    """The result's own place for a value, when nothing in it is read any more."""
    writer = low.current[block]
    if not isinstance(writer, rnn.IfOp):
        for value in writer.operands:
            plain = isinstance(writer, IN_PLACE) and same_shape(value, writer.results[0])
            if _aliases(low, value, target) and not (plain and same_window(low.env[value], target)):
                return None
    later = writer.next_op
    while later is not None:
        if any(_aliases(low, v, target) for inner in later.walk() for v in inner.operands):
            return None
        later = later.next_op
    return target


def same_shape(value: SSAValue, other: SSAValue) -> bool:
    """Whether an element of one is read exactly where the other's is written."""
    return value.type == other.type


def _aliases(low: Lowering, value: SSAValue, target: Ref) -> bool:
    return value in low.env and low.env[value].buffer is target.buffer


HANDLERS = {rnn.IfOp: branch}
