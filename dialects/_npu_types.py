"""Types of the npu dialect: buffers in named memories, strided views of them, scalar registers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from math import prod

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, IntAttr, IntegerType, StringAttr, i64
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Resource
from xdsl.utils.exceptions import VerifyException

MEMORIES = ("dram", "wmem", "vmem")
"""Off-chip memory; weight memory beside the matrix engine; vector (activation) memory."""


class DramResource(Resource):
    """Off-chip memory as a resource of memory effects."""

    def name(self) -> str:
        """Name of the resource."""
        return "dram"


class WmemResource(Resource):
    """The weight memory as a resource of memory effects."""

    def name(self) -> str:
        """Name of the resource."""
        return "wmem"


class VmemResource(Resource):
    """The vector memory as a resource of memory effects."""

    def name(self) -> str:
        """Name of the resource."""
        return "vmem"


RESOURCES: dict[str, Resource] = {
    "dram": DramResource(),
    "wmem": WmemResource(),
    "vmem": VmemResource(),
}


def int_values(array: DenseArrayBase[IntegerType]) -> tuple[int, ...]:
    """The numbers of an ``array<i64: ...>``, unpacked once for all arrays with the same ones."""
    if array.elt_type is not i64 and array.elt_type != i64:
        return array.get_values()  # type: ignore[return-value]
    return _unpacked(array.data.data)


@lru_cache(maxsize=4096)
def _unpacked(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 8}q", packed)


@lru_cache(maxsize=4096)
def int_array(values: tuple[int, ...]) -> DenseArrayBase:
    """A shared ``array<i64: ...>`` attribute; equal tuples give the same object."""
    return DenseArrayBase.from_list(i64, values)


def _parse_memory(parser: AttrParser) -> StringAttr:
    position = parser.pos
    name = parser.parse_identifier("a memory")
    if name not in MEMORIES:
        parser.raise_error(f"expected a memory ({', '.join(MEMORIES)}), got {name}", position)
    return StringAttr(name)


@irdl_attr_definition
class BufferType(ParametrizedAttribute, TypeAttribute):
    """``!npu.buffer<25x256xf32, vmem>``: storage of a static shape in one memory."""

    name = "npu.buffer"

    shape: ArrayAttr[IntAttr]
    """Extents, outermost first; the maximum where a dimension follows a run-time length."""
    element_type: Attribute
    """Type of one element."""
    memory: StringAttr
    """``dram``, ``wmem`` or ``vmem``."""

    @staticmethod
    def of(shape: Sequence[int], element_type: Attribute, memory: str) -> BufferType:
        """The buffer type of `shape` (elements) in `memory`."""
        return BufferType(
            ArrayAttr([IntAttr(int(d)) for d in shape]), element_type, StringAttr(memory)
        )

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape as Python integers."""
        return tuple(d.data for d in self.shape.data)

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.dims)

    def verify(self) -> None:
        """Refuse unknown memories and negative extents."""
        if self.memory.data not in MEMORIES:
            raise VerifyException(
                f"unknown memory '{self.memory.data}', expected one of {', '.join(MEMORIES)}"
            )
        if any(d < 0 for d in self.dims):
            raise VerifyException(f"negative extent in buffer shape {list(self.dims)}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse ``<25x256xf32, vmem>``."""
        with parser.in_angle_brackets():
            dims, element = parser.parse_ranked_shape()
            parser.parse_punctuation(",")
            memory = _parse_memory(parser)
        return (ArrayAttr([IntAttr(d) for d in dims]), element, memory)

    def print_parameters(self, printer: Printer) -> None:
        """Print ``<25x256xf32, vmem>``."""
        shape = "".join(f"{d}x" for d in self.dims)
        printer.print_string(f"<{shape}")
        printer.print_attribute(self.element_type)
        printer.print_string(f", {self.memory.data}>")


@irdl_attr_definition
class ViewType(ParametrizedAttribute, TypeAttribute):
    """``!npu.view<f32, vmem>``: a strided window of a buffer, the operand of an instruction."""

    name = "npu.view"

    element_type: Attribute
    """Type of one element."""
    memory: StringAttr
    """Memory of the buffer behind it."""

    def verify(self) -> None:
        """Refuse unknown memories."""
        if self.memory.data not in MEMORIES:
            raise VerifyException(
                f"unknown memory '{self.memory.data}', expected one of {', '.join(MEMORIES)}"
            )

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse ``<f32, vmem>``."""
        with parser.in_angle_brackets():
            element = parser.parse_attribute()
            parser.parse_punctuation(",")
            memory = _parse_memory(parser)
        return (element, memory)

    def print_parameters(self, printer: Printer) -> None:
        """Print ``<f32, vmem>``."""
        printer.print_string("<")
        printer.print_attribute(self.element_type)
        printer.print_string(f", {self.memory.data}>")


@irdl_attr_definition
class RegType(ParametrizedAttribute, TypeAttribute):
    """``!npu.reg``: a 64-bit signed scalar register of the control engine."""

    name = "npu.reg"


REG = RegType()


def memory_of(value: SSAValue) -> str:
    """Memory of a buffer or a view."""
    type_ = value.type
    assert isinstance(type_, BufferType | ViewType)
    return type_.memory.data


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a C-contiguous array of `shape`."""
    strides: list[int] = []
    step = 1
    for extent in reversed(shape):
        strides.append(step)
        step *= max(1, extent)
    return tuple(reversed(strides))
