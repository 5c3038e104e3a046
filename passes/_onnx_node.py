"""One ONNX operation while it is converted to nn: what it has, and how its replacement is built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.errors import ShapeError
from rnncc.passes._onnx_builder import Builder, Dim, dims_of, is_floating

__all__ = ["Converter", "Dim", "Node", "constant_value", "dims_of", "is_floating"]

Converter = Callable[["Node"], "SSAValue | Sequence[SSAValue | None]"]


def constant_value(value: SSAValue | None) -> np.ndarray | None:
    """The array of a value known at compile time, None otherwise."""
    if not isinstance(value, OpResult):
        return None
    op = value.op
    if isinstance(op, nn.ConstantOp):
        return op.array
    if op.name == "onnx.Constant":
        return constant_array(op)
    if op.name == "onnx.Identity":
        return constant_value(op.operands[0])
    return None


def constant_array(op: Any) -> np.ndarray | None:
    """The array of an onnx.Constant, None for one with strings or sparse."""
    dtypes = {"int": np.int64, "float": np.float32}
    for name, value in op.onnx_attributes().items():
        if name == "value":
            return value
        base = name.removeprefix("value_").removesuffix("s")
        if base in dtypes:
            return np.array(value, dtypes[base])
    return None


class Node(Builder):
    """An ONNX operation and the nn operations that will take its place.

    Attributes:
        op: the operation of the onnx dialect.
        version: the operator's since-version.
        attrs: its ONNX attributes as Python values, defaults included.
    """

    def __init__(self, op: Any):
        super().__init__(op)
        self.version: int = op.version
        self.attrs: dict[str, Any] = op.onnx_attributes()
        self.inputs: list[SSAValue | None] = op.inputs_by_position()

    def input(self, index: int) -> SSAValue | None:
        """An input by position, None when absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def need(self, index: int) -> SSAValue:
        """An input that the operator requires."""
        value = self.input(index)
        if value is None:
            self.refuse(f"input {index} is missing")
        return value

    def constant(self, index: int) -> np.ndarray | None:
        """The array of an input that is known at compile time; None when absent.

        Raises UnsupportedError when the input is there but computed at run time.
        """
        value = self.input(index)
        if value is None:
            return None
        array = constant_value(value)
        if array is None:
            name = self.op.FORM.inputs[min(index, len(self.op.FORM.inputs) - 1)].name
            self.refuse(f"the input '{name}' must be known at compile time")
        return array

    def integers(self, attr: str, index: int) -> list[int] | None:
        """Whole numbers given as an attribute (old opsets) or as a constant input; None if absent."""
        if attr in self.attrs:
            value = self.attrs[attr]
            return [int(v) for v in (value if isinstance(value, Sequence) else [value])]
        array = self.constant(index)
        return None if array is None else [int(v) for v in array.reshape(-1)]

    def axis(self, value: int, rank: int) -> int:
        """An axis counted from the front; raises ShapeError when it does not exist."""
        if not -rank <= value < rank:
            raise ShapeError(f"{self.title}: axis {value} of a tensor with {rank} dimensions")
        return value % rank

    def result_type(self, index: int = 0) -> TensorType:
        """The type that shape inference gave a result."""
        value = self.op.outputs_by_position()[index]
        if not isinstance(value.type, TensorType) or any(n < 0 for n in shape_of(value)):
            self.refuse("the shape of its result is not known at compile time")
        return value.type

    def wants(self, index: int) -> bool:
        """Whether the model uses a result."""
        outputs = self.op.outputs_by_position()
        return index < len(outputs) and outputs[index] is not None
