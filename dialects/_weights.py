"""Constants in the IR: attributes that hold NumPy arrays by reference.

An array is never copied and, as long as identity decides, never read: a memory-mapped weight of
200 MB costs nothing until something computes with it. In text a small array is its bytes in hex;
a large one is its digest, which the parser looks up among the arrays alive in this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, StringAttr, TensorType
from xdsl.ir import Attribute, Data, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from rnncc.dialects._arrays import ReadOnlyArray
from rnncc.dialects._types import element_type, numpy_dtype, tensor_type
from rnncc.errors import ModelError

#: Arrays of at most this many elements are printed in full.
INLINE_ELEMENTS = 64

_alive: WeakValueDictionary[str, ReadOnlyArray] = WeakValueDictionary()


def _print_array(data: ReadOnlyArray, printer: Printer) -> None:
    array = data.array
    printer.print_attribute(tensor_type(element_type(array.dtype), array.shape))
    if array.size <= INLINE_ELEMENTS:
        text = "0x" + array.tobytes().hex().upper()
    else:
        text = data.digest()
        _alive[text] = data
    printer.print_string(f', "{text}"')


def _parse_array(parser: AttrParser) -> ReadOnlyArray:
    start = parser.pos
    kind = parser.parse_type()
    if not isinstance(kind, TensorType):
        parser.raise_error("expected the tensor type of a constant", start)
    parser.parse_punctuation(",")
    start = parser.pos
    text = parser.parse_str_literal()
    if not text.startswith("0x"):
        if (data := _alive.get(text)) is None:
            parser.raise_error(
                f"the array with digest {text} is not in this process; start from the model file",
                start,
            )
        return data
    dtype = numpy_dtype(kind.get_element_type())
    try:
        raw = bytes.fromhex(text[2:])
        return ReadOnlyArray(np.frombuffer(raw, dtype).reshape(kind.get_shape()))
    except ValueError as error:
        parser.raise_error(f"the bytes do not fit {kind}: {error}", start)


@irdl_attr_definition
class ArrayDataAttr(Data[ReadOnlyArray]):
    """An array without a name: ``#nn.dense<tensor<2xf32>, "0x0000803F00000040">``.

    Equal to another when element type, shape and bytes are the same.
    """

    name = "nn.dense"

    def __init__(self, array: np.ndarray | ReadOnlyArray):
        super().__init__(array if isinstance(array, ReadOnlyArray) else ReadOnlyArray(array))

    @property
    def array(self) -> np.ndarray:
        """The array itself, read-only, perhaps a view into a file."""
        return self.data.array

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> ReadOnlyArray:
        """Read ``<type, "0x...">`` or ``<type, "digest">``."""
        with parser.in_angle_brackets():
            return _parse_array(parser)

    def print_parameter(self, printer: Printer) -> None:
        """Write ``<type, "0x...">`` or, when large, ``<type, "digest">``."""
        with printer.in_angle_brackets():
            _print_array(self.data, printer)


@irdl_attr_definition
class WeightAttr(ParametrizedAttribute):
    """A named constant: ``#nn.weight<"W", tensor<1x1024x256xf32>, "b2:...">``.

    The name is the ONNX initializer's (or "") and serves reports; the data decides.
    """

    name = "nn.weight"

    weight_name: StringAttr
    data: ArrayDataAttr

    def __init__(
        self, weight_name: str | StringAttr, array: np.ndarray | ReadOnlyArray | ArrayDataAttr
    ):
        if isinstance(weight_name, str):
            weight_name = StringAttr(weight_name)
        if not isinstance(array, ArrayDataAttr):
            array = ArrayDataAttr(array)
        super().__init__(weight_name, array)

    @property
    def array(self) -> np.ndarray:
        """The array itself, read-only, perhaps a view into a file."""
        return self.data.array

    @property
    def type(self) -> TensorType:
        """The static tensor type of the array."""
        return tensor_type(element_type(self.array.dtype), self.array.shape)

    def with_array(self, array: np.ndarray) -> WeightAttr:
        """The same name for another array, such as a view of this one."""
        return WeightAttr(self.weight_name, array)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Read ``<"name", type, "0x... or digest">``."""
        with parser.in_angle_brackets():
            weight_name = StringAttr(parser.parse_str_literal())
            parser.parse_punctuation(",")
            return [weight_name, ArrayDataAttr(_parse_array(parser))]

    def print_parameters(self, printer: Printer) -> None:
        """Write ``<"name", type, "0x... or digest">``."""
        with printer.in_angle_brackets():
            printer.print_string_literal(self.weight_name.data)
            printer.print_string(", ")
            _print_array(self.data.data, printer)


def array_of(attr: Attribute) -> np.ndarray:
    """The array that a constant's attribute holds.

    Args:
        attr: WeightAttr, ArrayDataAttr, or builtin ``dense<...> : tensor<...>``.

    Raises:
        ModelError: for any other attribute.
    """
    if isinstance(attr, WeightAttr | ArrayDataAttr):
        return attr.array
    if isinstance(attr, DenseIntOrFPElementsAttr):
        kind: Any = attr.type
        dtype = numpy_dtype(kind.get_element_type())
        array = np.array(attr.get_values(), dtype=dtype)
        if attr.is_splat() and array.size != 1:
            array = np.broadcast_to(array.reshape(-1)[0], kind.get_shape())
        return array.reshape(kind.get_shape())
    raise ModelError(f"{attr} is not a constant tensor")
