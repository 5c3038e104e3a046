"""A value of one sequence, held for many: where its rows are, and how to put them elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import is_float, shape_of, symbols_of, tensor_type, type_of
from rnncc.passes._emit import Emitter


@dataclass(frozen=True)
class Rows:
    """The same value of every sequence, in one tensor.

    Attributes:
        value: the tensor.
        one: the type that the value has for one sequence.
        axis: the axis of the sequences in ``value``.
        grown: whether that axis is one of size 1 in ``one`` that grew; else it is an additional one.
        time: the axis of ``one`` that runs over the steps of the sequences, where lengths differ.
        whole: whether, in a cellular batch, there is a row for each request and not for each slot.
    """

    value: SSAValue
    one: TensorType
    axis: int
    grown: bool
    time: int | None = None
    whole: bool = False

    @property
    def size(self) -> int:
        """The number of sequences."""
        return shape_of(self.value)[self.axis]

    def put(self, emit: Emitter, axis: int, grown: bool) -> SSAValue:
        """The tensor with the sequences on another axis (grown: one of size 1 in ``one``)."""
        if (axis, grown) == (self.axis, self.grown):
            return self.value
        value = emit.unsqueeze(self.value, self.axis + 1) if self.grown else self.value
        perm = [i for i in range(len(shape_of(value))) if i != self.axis]
        perm.insert(axis, self.axis)
        if perm != sorted(perm):
            value = emit(nn.TransposeOp(value, perm))
        return emit.squeeze(value, axis + 1) if grown else value


def rows_type(one: TensorType, axis: int, grown: bool, size: int) -> TensorType:
    """The type for `size` sequences of what has the type `one` for one of them."""
    shape, symbols = list(shape_of(one)), list(symbols_of(one))
    shape[axis : axis + grown] = [size]
    symbols[axis : axis + grown] = [""]
    return tensor_type(one.get_element_type(), shape, symbols)


def spread(emit: Emitter, value: SSAValue, axis: int, grown: bool, size: int) -> SSAValue:
    """A value that all sequences share, repeated for each (a view: nothing is copied)."""
    one = type_of(value)
    if not grown:
        value = emit.unsqueeze(value, axis)
    return emit(nn.BroadcastOp(value, rows_type(one, axis, grown, size)))


def place_in(one: TensorType, before: int, symbols: Sequence[str]) -> tuple[int, bool] | None:
    """The axis for sequences that are behind `before` elements, for a shape; None: in the midst of an axis.

    An axis of size 1 that can grow is preferred, the last such but the innermost.

    Args:
        one: the new type for one sequence.
        before: product of the extents in front of the sequences.
        symbols: the run-time lengths among those extents.
    """
    shape, own = shape_of(one), symbols_of(one)
    fits = [
        i
        for i in range(len(shape) + 1)
        if prod(shape[:i]) == before and sorted(filter(None, own[:i])) == sorted(symbols)
    ]
    ones = [i for i in fits if i < len(shape) and shape[i] == 1 and not own[i]]
    if ones:
        inner = [i for i in ones if i < len(shape) - 1]
        return (inner or ones)[-1], True
    return (fits[0], False) if fits else None


def argument_place(one: TensorType, steps: set[int]) -> tuple[int, bool]:
    """The batch axis of an input: the last axis of size 1, else a new one.

    The innermost axis of floating-point numbers is taken for features, which may be one; that of integers is
    not: tokens ``[T, 1]`` become ``[T, size]``.

    Args:
        one: the input's type.
        steps: numbers of steps of the scans that read it: a new axis goes behind such a leading one.
    """
    shape, symbols = shape_of(one), symbols_of(one)
    ones = [i for i, n in enumerate(shape) if n == 1 and not symbols[i]]
    inner = [i for i in ones if i < len(shape) - 1]
    if inner or shape == (1,) or (ones and not is_float(one.get_element_type())):
        return (inner or ones)[-1], True
    timed = bool(shape) and (bool(symbols[0]) or shape[0] in steps)
    return (1 if timed else 0), False
