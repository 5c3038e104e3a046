"""The importer's own graph: values with concrete types, and constants where they are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TypeProto

from rnncc.errors import UnsupportedError

#: The shape of a value: None for an unknown size, None for the whole when the rank is unknown.
Shape = tuple[int | None, ...] | None


@dataclass(eq=False, slots=True)
class Value:
    """A tensor of the model under one choice of the input shapes.

    Attributes:
        key: names the value across imports of one model with different shapes.
        name: ONNX name, for messages and as a hint for the IR.
        element: ONNX element type.
        array: its contents where they are constant.
        node: what computes it, None for inputs, initializers and region arguments.
        counted: its shape is the largest it can have; how many rows there are is known after the run only.
    """

    key: tuple
    name: str
    element: int
    shape: Shape
    array: np.ndarray | None = None
    node: Node | None = None
    counted: bool = False

    @property
    def known_shape(self) -> tuple[int, ...] | None:
        """The shape when every size is known."""
        if self.shape is None or any(n is None for n in self.shape):
            return None
        return tuple(n for n in self.shape if n is not None)

    def refuse_counted(self, reader: Node) -> None:
        """Raise UnsupportedError when this is a counted value: its rows behind the count are no data."""
        if self.counted and self.node is not None:
            raise UnsupportedError(
                f"{reader.where} reads '{self.name}', which has as many rows as {self.node.where} has "
                "iterations, known only at run time: it can be an output of the model, nothing more"
            )


@dataclass(eq=False, slots=True)
class Node:
    """An operator of the model in the form its class has, with its operands bound to values."""

    key: tuple
    op_type: str
    version: int
    name: str
    proto: NodeProto
    inputs: list[Value | None]
    outputs: list[Value | None]
    attributes: dict[str, Any]
    regions: dict[str, Region] = field(default_factory=dict)
    trips: int | None = None
    most: int | None = None
    """Of a Loop whose number of iterations is known at run time only: the largest it can be."""
    home: Region | None = None

    @property
    def where(self) -> str:
        """The node in messages."""
        return f"node '{self.name}' ({self.op_type})"


@dataclass(eq=False, slots=True)
class Region:
    """A graph or sub-graph: arguments, nodes in topological order, results."""

    key: tuple
    arguments: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    parent: Region | None = None


class Scope:
    """Names of a graph; a sub-graph sees those of the graph around it."""

    def __init__(self, parent: Scope | None = None):
        self.values: dict[str, Value] = {}
        self.parent = parent

    def lookup(self, name: str) -> Value | None:
        """The value a name stands for, None for the empty name of an absent input."""
        scope: Scope | None = self if name else None
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        return None


@lru_cache(maxsize=4096)
def type_proto(element: int, shape: Shape) -> TypeProto:
    """The ONNX type of a tensor; an unknown size has no value in it."""
    return onnx.helper.make_tensor_type_proto(element, shape)


def shape_of_type(kind: TypeProto) -> Shape:
    """The shape in an ONNX tensor type."""
    if not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)
