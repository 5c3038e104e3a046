"""Operations of the npu dialect that name storage: alloc, const, input, output."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.pattern_rewriter import RewritePattern
from xdsl.traits import (
    EffectInstance,
    HasCanonicalizationPatternsTrait,
    MemoryAllocEffect,
    MemoryEffect,
    MemoryEffectKind,
    Pure,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._npu_types import (
    RESOURCES,
    BufferType,
)
from rnncc.dialects._types import numpy_dtype
from rnncc.dialects._weights import array_of


class PortEffect(MemoryEffect):
    """A port belongs to the program's signature: it must survive even when nothing uses it."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        """A write of off-chip memory, which no clean-up removes."""
        return {EffectInstance(MemoryEffectKind.WRITE, resource=RESOURCES["dram"])}


class _AllocPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.alloc`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """A buffer that is never read goes, with what is written to it."""
        from rnncc.dialects._npu_canonicalize import DropUnreadAlloc

        return (DropUnreadAlloc(),)


PERSISTENT = "npu.persistent"
"""Attribute of a buffer that is loaded once and stays from run to run, and of its loads (`persist-weights`)."""


@irdl_op_definition
class AllocOp(IRDLOperation):
    """Storage for a work buffer: ``%b = npu.alloc "gates" : !npu.buffer<4x256xf32, vmem>``.

    The contents are undefined until written. After `allocate` the property `address`
    holds its first byte in the memory.
    """

    name = "npu.alloc"

    sym = prop_def(StringAttr, prop_name="name")
    """A name for people: reports and errors use it."""
    address = opt_prop_def(IntegerAttr.constr(type=i64))
    """First byte in the memory, counted in containers; set by `allocate`."""
    buffer = result_def(BufferType)

    traits = traits_def(MemoryAllocEffect(), _AllocPatterns())
    assembly_format = "$name (`at` $address^)? attr-dict `:` type($buffer)"

    def __init__(self, shape: Sequence[int], element_type: Attribute, memory: str, name: str = ""):
        super().__init__(
            properties={"name": StringAttr(name)},
            result_types=[BufferType.of(shape, element_type, memory)],
        )


@irdl_op_definition
class ConstOp(IRDLOperation):
    """A constant in off-chip memory: ``%w = npu.const "W" #nn.weight<...> : !npu.buffer<...>``.

    Read-only. `value` may hold a transposed or sliced array: then the *address strides* of
    the buffer are those of the array (`strides_of`), and nothing is copied.
    """

    name = "npu.const"

    sym = prop_def(StringAttr, prop_name="name")
    """Name of the ONNX initializer, for reports."""
    value = prop_def(Attribute)
    """The data: ``#nn.weight``, ``#nn.dense`` or a builtin dense attribute."""
    buffer = result_def(BufferType)

    traits = traits_def(Pure())
    assembly_format = "$name $value attr-dict `:` type($buffer)"

    def __init__(self, value: Attribute, type: BufferType, name: str = ""):
        super().__init__(properties={"name": StringAttr(name), "value": value}, result_types=[type])

    def verify_(self) -> None:
        """Constants live off chip and have the shape and type of their array."""
        _require_dram(self, self.buffer)
        assert isinstance(self.buffer.type, BufferType)
        array = array_of(self.value)
        if array.shape != self.buffer.type.dims or array.dtype != numpy_dtype(
            self.buffer.type.element_type
        ):
            raise VerifyException(
                f"npu.const holds {array.dtype}{list(array.shape)}, its type is {self.buffer.type}"
            )


def _require_dram(op: Operation, buffer: SSAValue) -> None:
    if isinstance(buffer.type, BufferType) and buffer.type.memory.data != "dram":
        raise VerifyException(f"{op.name} lives in dram, not in {buffer.type.memory.data}")


class _PortOp(IRDLOperation):
    """What `npu.input` and `npu.output` share."""

    sym = prop_def(StringAttr, prop_name="name")
    """Name of the ONNX graph input or output."""
    index = prop_def(IntegerAttr.constr(type=i64))
    """Position in the signature."""
    symbols = opt_prop_def(ArrayAttr[StringAttr])
    """For each dimension the run-time length it follows, "" where static."""
    buffer = result_def(BufferType)

    traits = traits_def(PortEffect())

    def __init__(
        self, type: BufferType, name: str, index: int, symbols: Sequence[str] | None = None
    ):
        properties: dict[str, Attribute] = {
            "name": StringAttr(name),
            "index": IntegerAttr(index, i64),
        }
        if symbols is not None and any(symbols):
            properties["symbols"] = ArrayAttr([StringAttr(s) for s in symbols])
        super().__init__(properties=properties, result_types=[type])

    @property
    def dim_symbols(self) -> tuple[str, ...]:
        """The symbol of each dimension, "" where static."""
        if self.symbols is None:
            assert isinstance(self.buffer.type, BufferType)
            return ("",) * len(self.buffer.type.dims)
        return tuple(s.data for s in self.symbols.data)

    def verify_(self) -> None:
        """Ports live off chip; one symbol a dimension."""
        _require_dram(self, self.buffer)
        assert isinstance(self.buffer.type, BufferType)
        if self.symbols is not None and len(self.symbols.data) != len(self.buffer.type.dims):
            raise VerifyException(
                f"{len(self.symbols.data)} symbols for {len(self.buffer.type.dims)} dimensions"
            )


@irdl_op_definition
class InputOp(_PortOp):
    """A graph input in off-chip memory: ``%x = npu.input "x" 0 : !npu.buffer<25x8xf32, dram>``.

    Read-only; C-contiguous at its maximum shape.
    """

    name = "npu.input"
    assembly_format = "$name $index (`symbols` $symbols^)? attr-dict `:` type($buffer)"


@irdl_op_definition
class OutputOp(_PortOp):
    """A graph output in off-chip memory: ``%y = npu.output "y" 0 : !npu.buffer<25x8xf32, dram>``.

    C-contiguous at its maximum shape; may be read back.
    """

    name = "npu.output"
    assembly_format = "$name $index (`symbols` $symbols^)? attr-dict `:` type($buffer)"
