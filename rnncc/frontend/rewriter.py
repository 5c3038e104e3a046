"""A node being rewritten to a newer form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto

from rnncc.errors import ModelError, ShapeError
from rnncc.frontend.graph import Value
from rnncc.frontend.load import describe

#: A node and the since-version whose meaning it has.
Versioned = tuple[NodeProto, int]


class Rewriter:
    """One node being rewritten: its attributes by name, and constants to add as inputs.

    Args:
        node: the node as the model has it (never changed).
        version: since-version of its operator in the model's opset.
        lookup: name -> value, for ranks and element types.
        constant: array -> name of a new constant.
    """

    def __init__(
        self,
        node: NodeProto,
        version: int,
        lookup: Callable[[str], Value | None],
        constant: Callable[[np.ndarray], str],
    ):
        self.version = version
        self.lookup = lookup
        self.constant = constant
        self.node = NodeProto()
        self.node.CopyFrom(node)

    def take(self, name: str, default: Any = None) -> Any:
        """Remove an attribute; gives its value, or the default when it is not there."""
        for position, attribute in enumerate(self.node.attribute):
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                del self.node.attribute[position]
                return value
        return default

    def add_input(self, position: int, array: np.ndarray) -> None:
        """Make a constant the input at a position, with absent ones before it where needed."""
        while len(self.node.input) <= position:
            self.node.input.append("")
        self.node.input[position] = self.constant(array)

    def set(self, name: str, value: Any) -> None:
        """Give the node an attribute, whether or not it has it."""
        self.take(name)
        self.node.attribute.append(onnx.helper.make_attribute(name, value))

    def shape(self, position: int = 0) -> tuple[int, ...]:
        """The shape of an input; raises ShapeError when it is not known."""
        value = self.lookup(self.node.input[position])
        if value is None or value.known_shape is None:
            raise ShapeError(f"{describe(self.node)}: the shape of its input depends on data")
        return value.known_shape

    def axis(self, default: int) -> int:
        """Take the attribute `axis`, counted from the front; raises ModelError out of range."""
        rank = len(self.shape())
        axis = self.take("axis", default)
        if not -rank <= axis <= rank:
            raise ModelError(f"{describe(self.node)}: axis {axis} of a tensor of rank {rank}")
        return axis + rank if axis < 0 else axis

    def done(self, version: int, op_type: str | None = None) -> list[Versioned]:
        """The node alone, now in the form of that version (or of another operator)."""
        self.node.op_type = op_type or self.node.op_type
        return [(self.node, version)]
