"""Scalar registers of the npu dialect: immediates, lengths, arithmetic, reads of memory."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
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
    MemoryEffect,
    MemoryEffectKind,
    Pure,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._npu_types import REG, RESOURCES, RegType, ViewType, memory_of
from rnncc.isa.scalar import SCALAR_KINDS


class _ScalarPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.scalar`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Known operands give a known result."""
        from rnncc.dialects._npu_canonicalize import FoldScalar

        return (FoldScalar(),)


class _ReadEffect(MemoryEffect):
    """A read of the view's memory."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        """One read."""
        view = op.operands[0]
        return {EffectInstance(MemoryEffectKind.READ, view, RESOURCES[memory_of(view)])}


@irdl_op_definition
class ImmediateOp(IRDLOperation):
    """``%r = npu.immediate 7``: a register with a known value."""

    name = "npu.immediate"

    value = prop_def(IntegerAttr.constr(type=i64))
    """The value."""
    result = result_def(RegType)

    traits = traits_def(Pure())
    assembly_format = "$value attr-dict"

    def __init__(self, value: int):
        super().__init__(properties={"value": IntegerAttr(int(value), i64)}, result_types=[REG])


@irdl_op_definition
class LengthOp(IRDLOperation):
    """``%n = npu.length "T"``: a run-time length; preset before the program starts."""

    name = "npu.length"

    symbol = prop_def(StringAttr)
    """The symbol, as in the function's ``rnncc.symbols``."""
    result = result_def(RegType)

    traits = traits_def(Pure())
    assembly_format = "$symbol attr-dict"

    def __init__(self, symbol: str):
        super().__init__(properties={"symbol": StringAttr(symbol)}, result_types=[REG])


@irdl_op_definition
class ScalarOp(IRDLOperation):
    """``%c = npu.scalar add %a, %b``: 64-bit signed arithmetic; div and mod round down, ceildiv up.

    Comparisons give 0 or 1. A division by zero stops the program.
    """

    name = "npu.scalar"

    kind = prop_def(StringAttr)
    """add sub mul div ceildiv mod min max lt le eq ne and or xor."""
    a = operand_def(RegType)
    """Left operand."""
    b = operand_def(RegType)
    """Right operand."""
    result = result_def(RegType)

    traits = traits_def(Pure(), _ScalarPatterns())

    def __init__(self, kind: str, a: SSAValue | Operation, b: SSAValue | Operation):
        super().__init__(operands=[a, b], properties={"kind": StringAttr(kind)}, result_types=[REG])

    def verify_(self) -> None:
        """A known kind."""
        if self.kind.data not in SCALAR_KINDS:
            raise VerifyException(f"npu.scalar has no kind '{self.kind.data}'")

    def print(self, printer: Printer) -> None:
        """Print ``add %a, %b``."""
        printer.print_string(f" {self.kind.data} ")
        printer.print_list(self.operands, printer.print_ssa_value)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> ScalarOp:
        """Parse what `print` writes."""
        kind = parser.parse_identifier("the kind of npu.scalar")
        a = parser.resolve_operand(parser.parse_unresolved_operand(), REG)
        parser.parse_punctuation(",")
        b = parser.resolve_operand(parser.parse_unresolved_operand(), REG)
        op = cls(kind, a, b)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


@irdl_op_definition
class ReadOp(IRDLOperation):
    """``%r = npu.read %v``: the view's first element as a 64-bit integer.

    Floats truncate; not a number reads as 0, a number beyond 64 bits or an infinity as the nearest limit.
    """

    name = "npu.read"

    view = operand_def(ViewType)
    """Where; any element type, not in weight memory."""
    result = result_def(RegType)

    traits = traits_def(_ReadEffect())
    assembly_format = "$view attr-dict `:` type($view)"

    def __init__(self, view: SSAValue | Operation):
        super().__init__(operands=[view], result_types=[REG])

    def verify_(self) -> None:
        """The control engine reads vector and off-chip memory."""
        if memory_of(self.view) == "wmem":
            raise VerifyException("npu.read cannot read wmem")
