"""Building the nn operations that take the place of one ONNX operation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NoReturn

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import Attribute, Operation, OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import (
    copy_node,
    is_float,
    node_name,
    numpy_dtype,
    shape_of,
    symbols_of,
    tensor_type,
    type_of,
)
from rnncc.errors import DynamicTimeError, UnsupportedError

#: A size and its symbol ("" when static).
Dim = tuple[int, str]


def dims_of(value: SSAValue | Attribute) -> list[Dim]:
    """Size and symbol of each dimension."""
    return list(zip(shape_of(value), symbols_of(value), strict=True))


class Builder:
    """The nn operations that will take the place of an ONNX operation, and how they are made.

    Attributes:
        op: the operation of the onnx dialect.
        kind: its ONNX operator name.
        emitted: the new operations, in order.
    """

    def __init__(self, op: Any):
        self.op: Any = op
        self.kind: str = op.FORM.op_type
        self.emitted: list[Operation] = []

    @property
    def title(self) -> str:
        """Operator and node name, for messages."""
        return f"{self.kind} '{node_name(self.op)}'" if node_name(self.op) else self.kind

    def refuse(self, reason: str) -> NoReturn:
        """Raise UnsupportedError with operator, node and reason."""
        raise UnsupportedError(f"{self.title}: {reason}")

    def refuse_dynamic(self, reason: str) -> NoReturn:
        """Raise DynamicTimeError with operator, node and reason."""
        raise DynamicTimeError(f"{self.title}: {reason}")

    # Builders: each appends one nn operation and returns its value.

    def emit(self, op: nn.NNOp) -> OpResult:
        """Append an operation that carries this node's name."""
        copy_node(self.op, op)
        self.emitted.append(op)
        return op.results[0]

    def array(self, value: Any, elt: Attribute | None = None) -> SSAValue:
        """A constant, in the element type `elt` when given."""
        array = np.asarray(value)
        return self.emit(nn.ConstantOp(array if elt is None else array.astype(numpy_dtype(elt))))

    def unary(self, kind: str, x: SSAValue, alpha=None, beta=None) -> SSAValue:
        """See nn.unary."""
        return self.emit(nn.UnaryOp(kind, x, alpha, beta))

    def binary(self, kind: str, a: SSAValue, b: SSAValue | float) -> SSAValue:
        """See nn.binary; a number becomes a scalar of a's element type."""
        return self.emit(nn.BinaryOp(kind, a, self._like(b, a)))

    def compare(self, kind: str, a: SSAValue, b: SSAValue | float) -> SSAValue:
        """See nn.compare; a number becomes a scalar of a's element type."""
        return self.emit(nn.CompareOp(kind, a, self._like(b, a)))

    def select(self, c: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
        """See nn.select."""
        return self.emit(nn.SelectOp(c, a, b))

    def cast(self, x: SSAValue, elt: Attribute) -> SSAValue:
        """x in another element type; x itself when it has that type."""
        same = type_of(x).get_element_type() == elt
        return x if same else self.emit(nn.CastOp(x, elt))

    def reduce(
        self, kind: str, x: SSAValue, axes: Sequence[int], keepdims: bool = True
    ) -> SSAValue:
        """See nn.reduce."""
        return self.emit(nn.ReduceOp(kind, x, sorted(axes), keepdims))

    def reshape(self, x: SSAValue, dims: Sequence[Dim]) -> SSAValue:
        """x under other dimensions; x itself when it has them."""
        elt = type_of(x).get_element_type()
        kind = tensor_type(elt, [d[0] for d in dims], [d[1] for d in dims])
        return x if x.type == kind else self.emit(nn.ReshapeOp(x, kind))

    def transpose(self, x: SSAValue, perm: Sequence[int]) -> SSAValue:
        """x with its dimensions in another order; x itself for the order it has."""
        same = list(perm) == list(range(len(perm)))
        return x if same else self.emit(nn.TransposeOp(x, perm))

    def broadcast(self, x: SSAValue, dims: Sequence[Dim]) -> SSAValue:
        """x repeated to the dimensions; x itself when it has them."""
        elt = type_of(x).get_element_type()
        kind = tensor_type(elt, [d[0] for d in dims], [d[1] for d in dims])
        return x if x.type == kind else self.emit(nn.BroadcastOp(x, kind))

    def slice_axis(self, x: SSAValue, axis: int, start: int, size: int, step: int = 1) -> SSAValue:
        """A slice along one axis, whole in the others."""
        shape = shape_of(x)
        starts, sizes, steps = [0] * len(shape), list(shape), [1] * len(shape)
        starts[axis], sizes[axis], steps[axis] = start, size, step
        return self.emit(nn.SliceOp(x, starts, sizes, steps))

    def merge(self, dims: Sequence[Dim]) -> Dim:
        """The dimension that adjacent dimensions become when flattened into one."""
        symbols = [s for _, s in dims if s]
        if len(symbols) > 1:
            self.refuse_dynamic("two run-time lengths in one dimension")
        return prod(n for n, _ in dims), symbols[0] if symbols else ""

    def length(self, x: SSAValue, axis: int) -> SSAValue:
        """The actual size of a dimension as a scalar i64 tensor."""
        size, symbol = dims_of(x)[axis]
        if not symbol:
            return self.array(np.int64(size))
        return self.binary("add", self.last_index(x, axis), 1)

    def last_index(self, x: SSAValue, axis: int) -> SSAValue:
        """The actual size of a dimension less one: the largest of its indices."""
        size, symbol = dims_of(x)[axis]
        count = self.emit(nn.IotaOp(tensor_type(i64, [size], [symbol]), 0))
        return self.reduce("max", count, [0], keepdims=False)

    def _like(self, value: SSAValue | float, other: SSAValue) -> SSAValue:
        if isinstance(value, SSAValue):
            return value
        return self.array(value, type_of(other).get_element_type())


def is_floating(value: SSAValue) -> bool:
    """Whether a value's elements are floating-point numbers."""
    return is_float(type_of(value).get_element_type())
