"""The view operation of the npu dialect and where views reach."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import (
    HasCanonicalizationPatternsTrait,
    Pure,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._npu_types import (
    REG,
    BufferType,
    RegType,
    ViewType,
    int_array,
    int_values,
)


class _ViewPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.view`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Constant and unused indices fold into the offset."""
        from rnncc.dialects._npu_canonicalize import FoldViewIndex

        return (FoldViewIndex(),)


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
        return int_values(self.strides)  # type: ignore[arg-type, return-value]

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
