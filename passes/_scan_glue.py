"""Operations between scans that treat every step alike: where the time is, and one step of them.

A tensor is *timed* when one of its dimensions is ``steps * factor`` and runs through the steps
first: ``[T, B, D]`` (axis 0, factor 1), ``[T*B, D]`` (axis 0, factor B), ``[B, T, D]`` (axis 1).
One step of it is the same tensor with `factor` in place of that dimension: ``[1, B, D]``,
``[B, D]``, ``[B, 1, D]``. An operation treats every step alike when its result is timed and the
same operation on one step of its operands gives one step of its result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.passes._batch import POINTWISE
from rnncc.passes._one_step import operation_of_step


@dataclass(frozen=True)
class Time:
    """Where the time of a tensor is."""

    axis: int
    factor: int = 1


Times = dict[int, Time]
"""Operand number -> where its time is; operands without time are left out."""


def result_time(op: Operation, known: Mapping[int, Time], steps: int) -> tuple[Time, Times] | None:
    """Where the time of an operation's result and operands is, if it treats every step alike.

    Args:
        op: an operation with one result.
        known: the operands that depend on scans, at least one.
        steps: the number of steps T, at least 2.

    Returns:
        The result's time, and that of every timed operand, also of sequences among the others;
        None when steps mix.
    """
    if isinstance(op, POINTWISE):
        return _aligned(op, dict(known), len(shape_of(op.results[0])), steps)
    if isinstance(op, nn.MatmulOp):
        return _product(op, known, steps)
    if isinstance(op, nn.ConcatOp):
        (time, *others) = known.values()
        if op.axis.value.data == time.axis or any(t != time for t in others):
            return None
        return time, dict.fromkeys(range(len(op.operands)), time)
    if set(known) != {0} or (found := _moved(op, known[0], steps)) is None:
        return None
    return found, dict(known)


def _aligned(op: Operation, times: Times, rank: int, steps: int) -> tuple[Time, Times] | None:
    """Operands aligned from the right, as NumPy broadcasts."""
    rights = {(len(shape_of(op.operands[k])) - t.axis, t.factor) for k, t in times.items()}
    if len(rights) != 1:
        return None
    ((right, factor),) = rights
    for k, value in enumerate(op.operands):
        axis = len(shape_of(value)) - right
        if k not in times and axis >= 0 and shape_of(value)[axis] == steps * factor:
            times[k] = Time(axis, factor)
    return Time(rank - right, factor), times


def _product(op: nn.MatmulOp, known: Mapping[int, Time], steps: int) -> tuple[Time, Times] | None:
    rank = len(shape_of(op.result))
    if 0 in known and known[0].axis == len(shape_of(op.a)) - 2:
        return None if 1 in known else (Time(rank - 2, known[0].factor), dict(known))
    if any(t.axis >= len(shape_of(op.operands[k])) - 2 for k, t in known.items()):
        return None
    return _aligned(op, dict(known), rank, steps)


def _moved(op: Operation, time: Time, steps: int) -> Time | None:
    """The time of an operation's result from that of its first operand."""
    axis, size = time.axis, steps * time.factor
    if isinstance(op, nn.ReshapeOp):
        return _reshaped(op, time, steps)
    if isinstance(op, nn.TransposeOp):
        return Time(op.perm.get_values().index(axis), time.factor)
    if isinstance(op, nn.SliceOp):
        part = [p.get_values()[axis] for p in (op.starts, op.sizes, op.steps)]
        return time if part == [0, size, 1] else None
    if isinstance(op, nn.PadOp):
        return None if op.low.get_values()[axis] or op.high.get_values()[axis] else time
    if isinstance(op, nn.BroadcastOp):
        added = len(shape_of(op.result)) - len(shape_of(op.x))
        return Time(axis + added, time.factor)
    if isinstance(op, nn.SoftmaxOp):
        return None if op.axis.value.data == axis else time
    if isinstance(op, nn.ReduceOp | nn.ArgReduceOp):
        axes = op.axes.get_values() if isinstance(op, nn.ReduceOp) else (op.axis.value.data,)
        if axis in axes:
            return None
        gone = 0 if op.keepdims is not None else sum(a < axis for a in axes)
        return Time(axis - gone, time.factor)
    if isinstance(op, nn.GatherOp):
        around = op.axis.value.data
        if around == axis:
            return None
        return Time(axis + (len(shape_of(op.indices)) - 1) * (axis > around), time.factor)
    return None


def _reshaped(op: nn.ReshapeOp, time: Time, steps: int) -> Time | None:
    old, new = shape_of(op.x), shape_of(op.result)
    symbol = symbols_of(op.x)[time.axis]
    before = prod(old[: time.axis])
    for axis, size in enumerate(new):
        if prod(new[:axis]) == before and size % steps == 0 and size:
            return Time(axis, size // steps) if symbols_of(op.result)[axis] == symbol else None
    return None


def one_step(op: Operation, operands: list[SSAValue], time: Time) -> Operation:
    """The operation on one step of its operands.

    Args:
        operands: one step of each timed operand, the others as they are.
        time: where the result's time is.
    """
    kind = type_of(op.results[0])
    shape, symbols = list(shape_of(kind)), list(symbols_of(kind))
    shape[time.axis], symbols[time.axis] = time.factor, ""
    wanted = tensor_type(kind.get_element_type(), shape, symbols)
    assert isinstance(op, nn.NNOp)
    return operation_of_step(op, operands, wanted, time.axis)
