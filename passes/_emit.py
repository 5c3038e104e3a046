"""Building operations in order, for passes that replace one operation by several."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from rnncc.dialects import nn
from rnncc.dialects._types import copy_node, numpy_dtype, shape_of, symbols_of, tensor_type, type_of


class Emitter:
    """Inserts operations at one place, each with the node name and location of `source`.

    Args:
        source: the operation that is being replaced.
        place: where to insert; before `source` when left out.
    """

    def __init__(self, source: Operation, place: InsertPoint | None = None):
        self.source = source
        self.place = place if place is not None else InsertPoint.before(source)

    def inside(self, block: Block) -> Emitter:
        """An emitter for the same source at the end of a block."""
        return Emitter(self.source, InsertPoint.at_end(block))

    def add(self, op: Operation) -> Operation:
        """Insert an operation."""
        copy_node(self.source, op)
        Rewriter.insert_op(op, self.place)
        return op

    def __call__(self, op: Operation) -> SSAValue:
        """Insert an operation and return its first result."""
        return self.add(op).results[0]

    def constant(self, array: np.ndarray, name: str = "") -> SSAValue:
        """A constant that holds the array itself, not a copy."""
        return self(nn.ConstantOp(array, name))

    def scalar(self, value: float, like: Attribute) -> SSAValue:
        """A constant of no dimensions in an element type."""
        return self.constant(np.asarray(value, numpy_dtype(like)))

    def binary(self, kind: str, a: SSAValue, b: SSAValue) -> SSAValue:
        """``nn.binary``."""
        return self(nn.BinaryOp(kind, a, b))

    def reshape(self, x: SSAValue, shape: tuple[int, ...], symbols: tuple[str, ...]) -> SSAValue:
        """``nn.reshape``; x itself when it has that shape already. A constant is viewed anew."""
        wanted = tensor_type(type_of(x).element_type, shape, symbols)
        if x.type == wanted:
            return x
        if (array := constant_of(x)) is not None:
            return self.constant(array.reshape(shape), weight_name(x))
        return self(nn.ReshapeOp(x, wanted))

    def part(self, x: SSAValue, axis: int, start: int, size: int) -> SSAValue:
        """Elements ``start .. start+size-1`` along an axis; of a constant the view, no copy."""
        shape = list(shape_of(x))
        if start == 0 and size == shape[axis]:
            return x
        if (array := constant_of(x)) is not None:
            view = array[(slice(None),) * axis + (slice(start, start + size),)]
            return self.constant(view, weight_name(x))
        starts = [0] * len(shape)
        starts[axis], shape[axis] = start, size
        return self(nn.SliceOp(x, starts, shape))

    def squeeze(self, x: SSAValue, axis: int) -> SSAValue:
        """x without an axis of size 1."""
        shape, symbols = shape_of(x), symbols_of(x)
        return self.reshape(
            x, shape[:axis] + shape[axis + 1 :], symbols[:axis] + symbols[axis + 1 :]
        )

    def unsqueeze(self, x: SSAValue, axis: int) -> SSAValue:
        """x with an axis of size 1 put in."""
        shape, symbols = shape_of(x), symbols_of(x)
        return self.reshape(
            x, (*shape[:axis], 1, *shape[axis:]), (*symbols[:axis], "", *symbols[axis:])
        )

    def swap(self, x: SSAValue, a: int, b: int) -> SSAValue:
        """x with two axes exchanged."""
        perm = list(range(len(shape_of(x))))
        perm[a], perm[b] = perm[b], perm[a]
        if perm == sorted(perm):
            return x
        return self(nn.TransposeOp(x, perm))


def constant_of(value: SSAValue) -> np.ndarray | None:
    """The array of a value that is an ``nn.constant`` or ``onnx.Constant``, else None."""
    attr = _constant_attr(value)
    return None if attr is None else nn.array_of(attr)


def weight_name(value: SSAValue) -> str:
    """The name of the weight that a constant value holds, or ""."""
    attr = _constant_attr(value)
    return attr.weight_name.data if isinstance(attr, nn.WeightAttr) else ""


def _constant_attr(value: SSAValue) -> Attribute | None:
    owner = value.owner
    if isinstance(owner, Operation) and owner.name in ("nn.constant", "onnx.Constant"):
        return owner.properties.get("value")
    return None
