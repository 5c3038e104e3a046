"""ONNX Scan to rnn.scan; the operations of its body are moved as they are."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import (
    shape_of,
    symbols_of,
)
from rnncc.dialects.onnx import OnnxOp
from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp, slice_type
from rnncc.errors import DynamicTimeError
from rnncc.passes._convert_body import Body, error, finish
from rnncc.passes._emit import Emitter


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
    finish(op, results)


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
    finish(op, list(whole.outputs))


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
