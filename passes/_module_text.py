"""Modules compared as text, without reading their weights."""

from __future__ import annotations

from io import StringIO

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.printer import Printer

from rnncc.dialects._arrays import ReadOnlyArray
from rnncc.dialects._weights import ArrayDataAttr, WeightAttr


class ModuleText:
    """All that a module says, hashable; an array is the place where it is.

    Args:
        module: the module.
    """

    def __init__(self, module: ModuleOp):
        self.arrays: list[ReadOnlyArray] = []
        stream = StringIO()
        _PlacePrinter(self.arrays, stream).print_op(module)
        self.text = stream.getvalue()

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModuleText) and self.text == other.text


class _PlacePrinter(Printer):
    def __init__(self, arrays: list[ReadOnlyArray], stream: StringIO):
        super().__init__(stream, print_generic_format=True)
        self.arrays = arrays

    def print_attribute(self, attribute: Attribute) -> None:
        if isinstance(attribute, WeightAttr):
            attribute = attribute.data
        if isinstance(attribute, ArrayDataAttr):
            # Kept, so that no other array can come to lie in its place.
            self.arrays.append(attribute.data)
            self.print_string(str(attribute.data.place))
        else:
            super().print_attribute(attribute)
