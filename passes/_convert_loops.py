"""ONNX Scan and Loop to rnn.scan and rnn.while; the operations of their bodies are moved as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import Block, BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn
from rnncc.dialects._types import (
    node_name,
    shape_of,
    symbols_of,
)
from rnncc.dialects.onnx import OnnxOp
from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp, slice_type
from rnncc.errors import DynamicTimeError, UnsupportedError
from rnncc.passes._convert_body import Body, error
from rnncc.passes._convert_cells import replace
from rnncc.passes._counted import say_count
from rnncc.passes._emit import Emitter, constant_of

UNBOUNDED = 1 << 31
"""Trip counts above this are how exporters write that there is none."""


def convert_scan(op: OnnxOp) -> None:
    """Replace ONNX Scan (opset 9 and later).

    Raises:
        ModelError: inputs, axes or directions contradict one another.
        UnsupportedError: a state changes its shape.
    """
    attributes = op.onnx_attributes()
    given = [v for v in op.inputs_by_position() if v is not None]
    count = int(attributes["num_scan_inputs"])
    states, sequences = given[: len(given) - count], given[len(given) - count :]
    made = len(op.results) - len(states)
    emit = Emitter(op)
    axes = _list(op, attributes, "scan_input_axes", count)
    moved = [_to_front(op, emit, v, axis) for v, axis in zip(sequences, axes, strict=True)]
    body = Body(op, op.body.block)
    steps, symbol = _length(op, moved)
    scan = body.scan(
        emit,
        moved,
        states,
        steps=steps,
        symbol=symbol,
        arguments=(body.arguments[len(states) :], body.arguments[: len(states)]),
        yielded=body.yielded,
        input_reverse=[bool(v) for v in _list(op, attributes, "scan_input_directions", count)],
        output_reverse=[bool(v) for v in _list(op, attributes, "scan_output_directions", made)],
    )
    results: list[SSAValue] = list(scan.states)
    for value, axis in zip(
        scan.outputs, _list(op, attributes, "scan_output_axes", made), strict=True
    ):
        results.append(_from_front(op, emit, value, axis))
    _finish(op, results)


def convert_scan_8(op: OnnxOp) -> None:
    """Replace ONNX Scan of opset 8: a scan over the batch around the scan over time.

    Raises:
        ModelError, UnsupportedError: as convert_scan.
    """
    attributes = op.onnx_attributes()
    lens, *rest = op.inputs_by_position()
    given = [v for v in rest if v is not None]
    count = int(attributes["num_scan_inputs"])
    states, sequences = given[: len(given) - count], given[len(given) - count :]
    directions = [bool(v) for v in _list(op, attributes, "directions", count)]
    emit = Emitter(op)
    batch = shape_of(given[0])[0]
    if any(shape_of(v)[:1] != (batch,) for v in (*given, *([lens] if lens is not None else []))):
        raise error(op, "its inputs do not share the batch dimension")
    if any(symbols_of(v)[0] for v in given):
        raise error(op, "its batch follows a run-time length", DynamicTimeError)
    outer = [*sequences, *states, *([lens] if lens is not None else [])]
    block = Block(arg_types=[INDEX, *(slice_type(v.type, batch, "") for v in outer)])
    rows = list(block.args[1:])
    inner = emit.inside(block)
    body = Body(op, op.body.block)
    steps, symbol = _length(op, rows[:count])
    scan = body.scan(
        inner,
        rows[:count],
        rows[count : count + len(states)],
        steps=steps,
        symbol=symbol,
        run=rows[-1] if lens is not None else None,
        arguments=(body.arguments[len(states) :], body.arguments[: len(states)]),
        yielded=body.yielded,
        input_reverse=directions,
    )
    inner.add(YieldOp(*scan.results))
    whole = ScanOp.make(outer, [], block, max_steps=batch)
    emit.add(whole)
    _finish(op, list(whole.outputs))


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
    _finish(op, list(scan.results))


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
    _finish(op, [*loop.states[1:], *loop.outputs])


def _decides(op: OnnxOp, again: SSAValue, running: BlockArgument) -> bool:
    """Whether the condition of the next iteration depends on what the body computes."""
    true = (array := constant_of(again)) is not None and bool(np.all(array))
    return again is not running and not true and op.body.is_ancestor(again.owner)


def _always(op: OnnxOp, body: Body, running: BlockArgument) -> None:
    """Whenever the body runs the condition holds."""
    if running.first_use is not None:
        start = Emitter(op, InsertPoint.at_start(body.block))
        running.replace_all_uses_with(start.constant(np.asarray(True)))


def _list(op: OnnxOp, attributes: dict, name: str, count: int) -> list[int]:
    values = [int(v) for v in attributes.get(name) or [0] * count]
    if len(values) != count:
        raise error(op, f"{name} has {len(values)} entries for {count} values")
    return values


def _axis(op: OnnxOp, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise error(op, f"axis {axis} of a value with {rank} dimensions")
    return axis % rank


def _to_front(op: OnnxOp, emit: Emitter, value: SSAValue, axis: int) -> SSAValue:
    rank = len(shape_of(value))
    axis = _axis(op, axis, rank)
    perm = [axis, *(k for k in range(rank) if k != axis)]
    return value if axis == 0 else emit(nn.TransposeOp(value, perm))


def _from_front(op: OnnxOp, emit: Emitter, value: SSAValue, axis: int) -> SSAValue:
    rank = len(shape_of(value))
    perm = list(range(1, rank))
    perm.insert(_axis(op, axis, rank), 0)
    return value if axis in (0, -rank) else emit(nn.TransposeOp(value, perm))


def _length(op: OnnxOp, sequences: Sequence[SSAValue]) -> tuple[int, str]:
    """The number of steps that all scan inputs have, and the symbol it follows."""
    lengths = {(shape_of(v)[0], symbols_of(v)[0]) for v in sequences}
    if len({size for size, _ in lengths}) != 1:
        raise error(op, f"its scan inputs have {sorted(n for n, _ in lengths)} steps")
    if len(lengths) != 1:
        raise error(op, "its scan inputs follow different run-time lengths", DynamicTimeError)
    return lengths.pop()


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


def _finish(op: OnnxOp, results: Sequence[SSAValue]) -> None:
    for old, new in zip(op.outputs_by_position(), results, strict=False):
        if old is not None:
            replace(old, new)
    op.detach()
    op.erase()
