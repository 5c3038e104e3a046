"""Operations of the npu dialect that name storage: alloc, const, input, output, view."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
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
    REG,
    RESOURCES,
    BufferType,
    RegType,
    ViewType,
    int_array,
    row_major,
)


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


class _ViewPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.view`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Constant and unused indices fold into the offset; equal views of a block merge."""
        from rnncc.dialects._npu_canonicalize import FoldViewIndex, MergeViews

        return (FoldViewIndex(), MergeViews())


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
        """Constants live off chip."""
        _require_dram(self, self.buffer)


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


@irdl_op_definition
class ViewOp(IRDLOperation):
    """A strided window of a buffer, the operand of instructions.

    ``%v = npu.view %b[%i * 256] + 8 [0, 0, 1] : !npu.buffer<25x256xf32, vmem>``

    ``address(e0, e1, e2) = offset + index * index_stride + e0*s0 + e1*s1 + e2*s2`` in
    elements from the buffer's element [0, ..., 0]. Strides may be zero (broadcast) or
    negative (reversed).
    """

    name = "npu.view"

    buffer = operand_def(BufferType)
    """The storage."""
    index = opt_operand_def(RegType)
    """Register that moves the window, usually a loop's index."""
    offset = prop_def(IntegerAttr.constr(type=i64))
    """First element."""
    index_stride = prop_def(IntegerAttr.constr(type=i64))
    """Elements that one step of the index moves."""
    strides = prop_def(Attribute)
    """Elements between neighbours of e0, e1, e2."""
    result = result_def(ViewType)

    traits = traits_def(Pure(), _ViewPatterns())

    def __init__(
        self,
        buffer: SSAValue | Operation,
        offset: int = 0,
        strides: Sequence[int] = (0, 0, 1),
        index: SSAValue | Operation | None = None,
        index_stride: int = 0,
    ):
        buffer = SSAValue.get(buffer)
        assert isinstance(buffer.type, BufferType)
        super().__init__(
            operands=[buffer, [] if index is None else [index]],
            properties={
                "offset": IntegerAttr(int(offset), i64),
                "index_stride": IntegerAttr(int(index_stride), i64),
                "strides": int_array(tuple(int(s) for s in strides)),
            },
            result_types=[ViewType(buffer.type.element_type, buffer.type.memory)],
        )

    @property
    def stride_values(self) -> tuple[int, int, int]:
        """The three strides in elements."""
        return self.strides.get_values()  # type: ignore[attr-defined]

    def verify_(self) -> None:
        """Three strides, the buffer's type, and an index exactly when it has a stride."""
        assert isinstance(self.buffer.type, BufferType)
        assert isinstance(self.result.type, ViewType)
        if len(self.stride_values) != 3:
            raise VerifyException(f"a view has three strides, not {len(self.stride_values)}")
        if self.result.type != ViewType(self.buffer.type.element_type, self.buffer.type.memory):
            raise VerifyException(f"a view of {self.buffer.type} cannot be {self.result.type}")
        if self.index is None and self.index_stride.value.data:
            raise VerifyException("index_stride without an index")

    def print(self, printer: Printer) -> None:
        """Print ``%b[%i * 256] + 8 [0, 0, 1] : !npu.buffer<...>``."""
        printer.print_string(" ")
        printer.print_ssa_value(self.buffer)
        if self.index is not None:
            printer.print_string("[")
            printer.print_ssa_value(self.index)
            printer.print_string(f" * {self.index_stride.value.data}]")
        if self.offset.value.data:
            printer.print_string(f" + {self.offset.value.data}")
        printer.print_string(f" [{', '.join(map(str, self.stride_values))}]")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.buffer.type)

    @classmethod
    def parse(cls, parser: Parser) -> ViewOp:
        """Parse what `print` writes."""
        unresolved = parser.parse_unresolved_operand()
        index, index_stride, offset, strides = None, 0, 0, None
        if parser.parse_optional_punctuation("["):
            # Either an index or, when the window does not move, already the strides.
            name = parser.parse_optional_unresolved_operand()
            if name is None:
                strides = _integers_until_bracket(parser)
            else:
                index = parser.resolve_operand(name, REG)
                parser.parse_punctuation("*")
                index_stride = parser.parse_integer()
                parser.parse_punctuation("]")
        if strides is None:
            if parser.parse_optional_punctuation("+"):
                offset = parser.parse_integer()
            parser.parse_punctuation("[")
            strides = _integers_until_bracket(parser)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        position = parser.pos
        type_ = parser.parse_type()
        if not isinstance(type_, BufferType):
            parser.raise_error("expected a buffer type", position)
        op = cls(parser.resolve_operand(unresolved, type_), offset, strides, index, index_stride)
        op.attributes |= attributes
        return op

    irdl_options = (AttrSizedOperandSegments(as_property=True),)


def _integers_until_bracket(parser: Parser) -> list[int]:
    values = [parser.parse_integer()]
    while parser.parse_optional_punctuation(","):
        values.append(parser.parse_integer())
    parser.parse_punctuation("]")
    return values


def buffer_of(view: SSAValue) -> SSAValue:
    """The buffer behind a view (a buffer is returned as it is)."""
    return view.owner.buffer if isinstance(view.owner, ViewOp) else view


def strides_of(buffer: SSAValue) -> tuple[int, ...]:
    """Address strides of a buffer's dimensions, in elements.

    Row-major for everything but a constant whose array is transposed or sliced.
    """
    assert isinstance(buffer.type, BufferType)
    if isinstance(buffer.owner, ConstOp):
        from rnncc.dialects._weights import array_of

        array = array_of(buffer.owner.value)
        return tuple(s // array.itemsize for s in array.strides)
    return row_major(buffer.type.dims)


def address_range(buffer: SSAValue) -> tuple[int, int]:
    """Lowest and one past the highest legal element address of a buffer."""
    assert isinstance(buffer.type, BufferType)
    if not isinstance(buffer.owner, ConstOp):
        return 0, buffer.type.elements
    if not buffer.type.elements:
        return 0, 0
    ends = [
        (extent - 1) * stride
        for extent, stride in zip(buffer.type.dims, strides_of(buffer), strict=True)
    ]
    return sum(min(0, e) for e in ends), sum(max(0, e) for e in ends) + 1


def index_limit(view: ViewOp) -> int | None:
    """One past the largest value of the view's index, None when unknown; 1 without index."""
    if view.index is None:
        return 1
    owner = view.index.owner
    if isinstance(view.index, BlockArgument):
        loop = owner.parent_op()  # type: ignore[union-attr]
        maximum = getattr(loop, "maximum", None)
        return maximum if isinstance(maximum, int) else None
    return None
