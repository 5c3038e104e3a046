"""Where the time is in the tensors that feed a recurrence, and which operations keep steps apart.

A sequence need not have the time first: a CNN sees frames as a batch (``[T, C, H, W]`` or, with B
rows, ``[T * B, C, H, W]``), other exporters write ``[B, T, D]``. `Time` says where it is; going
backward through an operation says where it is in the operands, or that the steps mix there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.passes._batch import POINTWISE


@dataclass(frozen=True)
class Time:
    """Axis `axis` of a tensor is ``[outer, T, inner]`` in C order."""

    axis: int
    outer: int = 1
    inner: int = 1

    def step_type(self, value: SSAValue) -> TensorType:
        """The type of one step: the same rank, `outer` * `inner` elements on the axis."""
        shape, symbols = list(shape_of(value)), list(symbols_of(value))
        shape[self.axis], symbols[self.axis] = self.outer * self.inner, ""
        return tensor_type(type_of(value).element_type, shape, symbols)


Found = dict[int, Time] | None
"""Operands by number that vary with the time, and where it is in them; None: the steps mix."""


def operand_times(op: Operation, at: Time, steps: int, symbol: str) -> Found:
    """Where the time is in the operands of an operation whose result has it at `at`.

    Args:
        op: an operation with one result.
        at: where the time is in the result.
        steps: T, more than 1.
        symbol: what T follows, or "".
    """
    rule = _RULES.get(type(op))
    found = None if rule is None else rule(op, at, steps, symbol)
    return found or None


def _pointwise(op: Operation, at: Time, steps: int, symbol: str) -> Found:
    """Operands are aligned from the right; without the axis, or with 1 there, they do not vary."""
    return _aligned(op.results[0], list(enumerate(op.operands)), at)


def _aligned(result: SSAValue, operands: list[tuple[int, SSAValue]], at: Time) -> Found:
    size, rank = shape_of(result)[at.axis], len(shape_of(result))
    found = {}
    for number, value in operands:
        shape = shape_of(value)
        axis = at.axis - rank + len(shape)
        if axis >= 0 and shape[axis] == size:
            found[number] = Time(axis, at.outer, at.inner)
    return found


def _reshape(op: Operation, at: Time, steps: int, symbol: str) -> Found:
    """The same elements stand before the time, on another axis."""
    before = prod(shape_of(op.results[0])[: at.axis]) * at.outer
    source = op.operands[0]
    shape = shape_of(source)
    for axis, (size, name) in enumerate(zip(shape, symbols_of(source), strict=True)):
        ahead = prod(shape[:axis])
        if not ahead or before % ahead or name != symbol:
            continue
        outer = before // ahead
        if size and size % (outer * steps) == 0:
            return {0: Time(axis, outer, size // (outer * steps))}
    return None


def _transpose(op: nn.TransposeOp, at: Time, steps: int, symbol: str) -> Found:
    return {0: Time(op.perm.get_values()[at.axis], at.outer, at.inner)}


def _slice(op: nn.SliceOp, at: Time, steps: int, symbol: str) -> Found:
    start, size, step = (p.get_values()[at.axis] for p in (op.starts, op.sizes, op.steps))
    return {0: at} if (start, size, step) == (0, shape_of(op.x)[at.axis], 1) else None


def _concat(op: nn.ConcatOp, at: Time, steps: int, symbol: str) -> Found:
    return None if op.axis.value.data == at.axis else dict.fromkeys(range(len(op.parts)), at)


def _pad(op: nn.PadOp, at: Time, steps: int, symbol: str) -> Found:
    return None if op.low.get_values()[at.axis] or op.high.get_values()[at.axis] else {0: at}


def _matmul(op: nn.MatmulOp, at: Time, steps: int, symbol: str) -> Found:
    """Rows of the left operand, or products of a batch."""
    rank = len(shape_of(op.result))
    if at.axis == rank - 1:
        return None
    if at.axis == rank - 2:
        return {0: Time(len(shape_of(op.a)) - 2, at.outer, at.inner)}
    return _aligned(op.result, [(0, op.a), (1, op.b)], at)


def _window(op: nn.ConvOp | nn.PoolOp, at: Time, steps: int, symbol: str) -> Found:
    return {0: at} if at.axis == 0 else None


def _reduce(op: nn.ReduceOp | nn.ArgReduceOp, at: Time, steps: int, symbol: str) -> Found:
    """The axes that are left keep their order."""
    axes = op.axes.get_values() if isinstance(op, nn.ReduceOp) else (op.axis.value.data,)
    if op.keepdims is not None:
        return None if at.axis in axes else {0: at}
    left = [axis for axis in range(len(shape_of(op.x))) if axis not in axes]
    return {0: Time(left[at.axis], at.outer, at.inner)}


def _softmax(op: nn.SoftmaxOp, at: Time, steps: int, symbol: str) -> Found:
    return None if op.axis.value.data == at.axis else {0: at}


def _gather(op: nn.GatherOp, at: Time, steps: int, symbol: str) -> Found:
    """The time is in the indices (an embedding of words), or beside the axis that is looked up."""
    first, rank = op.axis.value.data, len(shape_of(op.indices))
    if at.axis < first:
        return {0: at}
    if at.axis < first + rank:
        return {1: Time(at.axis - first, at.outer, at.inner)}
    return {0: Time(at.axis - rank + 1, at.outer, at.inner)}


_RULES: dict[type[Operation], Callable[..., Found]] = {
    **dict.fromkeys(POINTWISE, _pointwise),
    nn.BroadcastOp: _pointwise,
    nn.ReshapeOp: _reshape,
    nn.TransposeOp: _transpose,
    nn.SliceOp: _slice,
    nn.ConcatOp: _concat,
    nn.PadOp: _pad,
    nn.MatmulOp: _matmul,
    nn.ConvOp: _window,
    nn.PoolOp: _window,
    nn.ReduceOp: _reduce,
    nn.ArgReduceOp: _reduce,
    nn.SoftmaxOp: _softmax,
    nn.GatherOp: _gather,
}
