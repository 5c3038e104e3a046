"""nn.constant: a tensor known at compile time."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, TensorType
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, prop_def, result_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import ConstantLike, Pure

from rnncc.dialects._nn_base import NNOp
from rnncc.dialects._types import type_of
from rnncc.dialects._weights import WeightAttr, array_of
from rnncc.errors import ModelError, ShapeError


def infer_constant(value: Attribute) -> TensorType:
    """The static type of a constant's value."""
    if isinstance(value, WeightAttr):
        return value.type
    if isinstance(value, DenseIntOrFPElementsAttr):
        return type_of(value.type)
    raise ShapeError(f"{value} is not a constant tensor")


@irdl_op_definition
class ConstantOp(NNOp):
    """``r = value``: ``#nn.weight<"name", type, data>``, or ``dense<...> : type`` by hand."""

    name = "nn.constant"

    value = prop_def()
    result = result_def(TensorType)

    traits = traits_def(Pure(), ConstantLike())

    def __init__(self, value: Attribute | np.ndarray | np.generic, name: str = ""):
        if not isinstance(value, Attribute):
            value = WeightAttr(name, np.asarray(value))
        super().__init__(properties={"value": value}, result_types=[infer_constant(value)])

    @property
    def array(self) -> np.ndarray:
        """The array, read-only, perhaps a view into a file."""
        return array_of(self.value)

    def inferred(self) -> TensorType:
        """See infer_constant."""
        try:
            return infer_constant(self.value)
        except ModelError as error:
            raise ShapeError(error.message) from error

    def print(self, printer: Printer) -> None:
        """Write ``nn.constant value {attributes}``; the value says the type."""
        printer.print_string(" ")
        printer.print_attribute(self.value)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser):
        """Read ``nn.constant value {attributes}``."""
        start = parser.pos
        value = parser.parse_attribute()
        attributes = parser.parse_optional_attr_dict()
        try:
            kind = infer_constant(value)
        except ShapeError as error:
            parser.raise_error(error.message, start)
        return cls.create(properties={"value": value}, attributes=attributes, result_types=[kind])
