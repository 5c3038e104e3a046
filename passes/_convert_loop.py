"""ONNX Loop to rnn.scan, where it is counted, or rnn.while; the operations of its body are moved as they are."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn
from rnncc.dialects._types import node_name, shape_of
from rnncc.dialects.onnx import OnnxOp
from rnncc.errors import UnsupportedError
from rnncc.passes._convert_body import Body, error, finish
from rnncc.passes._counted import say_count
from rnncc.passes._emit import Emitter, constant_of

UNBOUNDED = 1 << 31
"""Trip counts above this are how exporters write that there is none."""


def convert_loop(op: OnnxOp) -> None:
    """Replace an ONNX Loop: a scan when it is counted, a while when its body decides.

    Raises:
        UnsupportedError: nothing bounds its number of iterations at compile time, or what it stacks
            is read by other operations though its number of rows is known at run time only.
    """
    trips, condition, *states = op.inputs_by_position()
    inits = [v for v in states if v is not None]
    emit = Emitter(op)
    body = Body(op, op.body.block)
    number, running, *carried = body.arguments
    again, *yielded = body.yielded
    known, symbol = op.attributes.get("rnncc.trip_count"), op.attributes.get("rnncc.trip_symbol")
    run = None
    if not isinstance(known, IntegerAttr) and _decides(op, again, running):
        _convert_while(op, emit, body)
        return
    if isinstance(known, IntegerAttr):
        steps = known.value.data
    else:
        run = _trips(op, emit, trips, condition, again, running)
        steps = _most(op, trips, len(inits))
        run = emit.binary("max", run, emit.constant(np.asarray(0, np.int64)))
        run = emit.binary("min", run, emit.constant(np.asarray(steps, np.int64)))
    _always(op, body, running)
    scan = body.scan(
        emit,
        [],
        inits,
        steps=max(steps, 0),
        symbol=symbol.data if isinstance(symbol, StringAttr) else "",
        run=run,
        arguments=([], carried),
        index=number,
        yielded=yielded,
    )
    if run is not None:
        say_count(op, run, len(inits))
    finish(op, list(scan.results))


def _convert_while(op: OnnxOp, emit: Emitter, body: Body) -> None:
    """A loop whose body says whether it goes on."""
    trips, condition, *states = op.inputs_by_position()
    inits = [v for v in states if v is not None]
    number, running, *carried = body.arguments
    again, *yielded = body.yielded
    most, run = _most(op, trips, len(inits)), None
    if trips is not None and constant_of(trips) is None:
        run = emit.reshape(trips, (), ())
    first = emit.constant(np.asarray(True))
    if condition is not None:
        first = emit.reshape(condition, (), ())
    _always(op, body, running)
    loop = body.loop(
        emit,
        first,
        inits,
        most=most,
        run=run,
        index=number,
        arguments=carried,
        again=again,
        yielded=yielded,
    )
    say_count(op, loop.done, len(inits))
    finish(op, [*loop.states[1:], *loop.outputs])


def _decides(op: OnnxOp, again: SSAValue, running: BlockArgument) -> bool:
    """Whether the condition of the next iteration depends on what the body computes."""
    true = (array := constant_of(again)) is not None and bool(np.all(array))
    return again is not running and not true and op.body.is_ancestor(again.owner)


def _always(op: OnnxOp, body: Body, running: BlockArgument) -> None:
    """Whenever the body runs the condition holds."""
    if running.first_use is not None:
        start = Emitter(op, InsertPoint.at_start(body.block))
        running.replace_all_uses_with(start.constant(np.asarray(True)))


def _trips(
    op: OnnxOp,
    emit: Emitter,
    trips: SSAValue | None,
    condition: SSAValue | None,
    again: SSAValue,
    running: BlockArgument,
) -> SSAValue:
    """The number of iterations, when the condition does not depend on what the loop computes."""
    if trips is None:
        raise error(op, "it has no trip count and never ends by itself", UnsupportedError)
    count = emit.reshape(trips, (), ())
    true = (array := constant_of(again)) is not None and bool(np.all(array))
    fixed = again is running or true
    if not fixed:
        # The condition of all iterations but the first is one value from outside.
        first = emit.binary("min", count, emit.constant(np.asarray(1, np.int64)))
        count = emit(nn.SelectOp(emit.reshape(again, (), ()), count, first))
    if condition is None:
        return count
    zero = emit.constant(np.asarray(0, np.int64))
    return emit(nn.SelectOp(emit.reshape(condition, (), ()), count, zero))


def _most(op: OnnxOp, trips: SSAValue | None, states: int) -> int:
    """The largest number of iterations: a constant trip count, what the importer found, or a declared shape."""
    found = op.attributes.get("rnncc.trip_most")
    if isinstance(found, IntegerAttr):
        return found.value.data
    limit = constant_of(trips) if trips is not None else None
    if limit is not None and int(limit.reshape(-1)[0]) <= UNBOUNDED:
        return max(0, int(limit.reshape(-1)[0]))
    return _declared(op, states)


def _declared(op: OnnxOp, states: int) -> int:
    """The largest number of iterations, from the declared shape of a scan output."""
    for value in op.results[states:]:
        if shape_of(value):
            return shape_of(value)[0]
    raise UnsupportedError(
        f"Loop node '{node_name(op)}': its trip count is known only at run time, and neither its "
        "condition nor a scan output's shape bounds it",
        "make the trip count a constant, compare a counter with a constant in the condition, or "
        "declare the shape of a scan output",
    )
