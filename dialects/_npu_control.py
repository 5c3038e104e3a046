"""Scalars, loops and branches of the npu dialect: the control engine."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    region_def,
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
    NoTerminator,
    Pure,
    RecursiveMemoryEffect,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._npu_scalar import SCALAR_KINDS
from rnncc.dialects._npu_types import REG, RESOURCES, RegType, ViewType, memory_of


class _ScalarPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.scalar`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Known operands give a known result."""
        from rnncc.dialects._npu_canonicalize import FoldScalar

        return (FoldScalar(),)


class _LoopPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.loop`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Known counts become static; loops of no or one turn dissolve."""
        from rnncc.dialects._npu_canonicalize import SimplifyLoop

        return (SimplifyLoop(),)


class _IfPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.if`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """A known condition leaves one branch."""
        from rnncc.dialects._npu_canonicalize import SimplifyIf

        return (SimplifyIf(),)


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
    """``%c = npu.scalar add %a, %b``: 64-bit signed arithmetic; div, ceildiv and mod floor.

    Comparisons give 0 or 1. Division by zero gives 0.
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
    """``%r = npu.read %v``: the view's first element as a 64-bit integer (floats truncate)."""

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


def _region(body: Region | Sequence[Operation] | None, indexed: bool) -> Region:
    if isinstance(body, Region):
        return body
    return Region(Block(body or (), arg_types=[REG] if indexed else ()))


@irdl_op_definition
class LoopOp(IRDLOperation):
    """Repeat the body: ``npu.loop %i = 25 {...}`` or ``npu.loop %i = %n max 25 {...}``.

    The index counts from 0. Loops carry no values: state lives in buffers. A count of
    zero or less skips the body; a register count never exceeds `max`.
    """

    name = "npu.loop"

    count = opt_operand_def(RegType)
    """Number of turns, when a register has it."""
    max = prop_def(IntegerAttr.constr(type=i64))
    """The number of turns; with a register count, its upper bound."""
    body = region_def("single_block")
    """What is repeated; its argument is the index."""

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect(), _LoopPatterns())

    def __init__(
        self,
        count: SSAValue | Operation | int,
        body: Region | Sequence[Operation] | None = None,
        max: int | None = None,
    ):
        if isinstance(count, int):
            operand, maximum = [], count
        else:
            if max is None:
                raise ValueError("a loop with a register count needs its maximum")
            operand, maximum = [count], max
        super().__init__(
            operands=[operand],
            properties={"max": IntegerAttr(int(maximum), i64)},
            regions=[_region(body, indexed=True)],
        )

    @property
    def maximum(self) -> int:
        """Upper bound of the number of turns."""
        return self.max.value.data

    @property
    def index(self) -> SSAValue:
        """The register that counts the turns."""
        return self.body.block.args[0]

    def verify_(self) -> None:
        """One index argument; a count of at least 0."""
        if [a.type for a in self.body.block.args] != [REG]:
            raise VerifyException("the body of npu.loop takes its index, one !npu.reg")
        if self.maximum < 0:
            raise VerifyException(f"npu.loop cannot turn {self.maximum} times")

    def print(self, printer: Printer) -> None:
        """Print ``%i = %n max 25 {...}``."""
        printer.print_string(" ")
        printer.print_ssa_value(self.index)
        printer.print_string(" = ")
        if self.count is not None:
            printer.print_ssa_value(self.count)
            printer.print_string(" max ")
        printer.print_string(f"{self.maximum} ")
        printer.print_region(self.body, print_entry_block_args=False, print_empty_block=False)
        printer.print_op_attributes(self.attributes, print_keyword=True)

    @classmethod
    def parse(cls, parser: Parser) -> LoopOp:
        """Parse what `print` writes."""
        index = parser.parse_argument(expect_type=False).resolve(REG)
        parser.parse_punctuation("=")
        count: SSAValue | int
        name = parser.parse_optional_unresolved_operand()
        maximum = None
        if name is None:
            count = parser.parse_integer()
        else:
            count = parser.resolve_operand(name, REG)
            parser.parse_keyword("max")
            maximum = parser.parse_integer()
        body = parser.parse_region([index])
        if not body.blocks:
            body.add_block(Block(arg_types=[REG]))
        op = cls(count, body, maximum)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        op.attributes |= attributes.data if attributes else {}
        return op


@irdl_op_definition
class IfOp(IRDLOperation):
    """``npu.if %c {...} else {...}``: the first region when the register is not zero."""

    name = "npu.if"

    condition = operand_def(RegType)
    """Decides: zero is false."""
    then_region = region_def("single_block")
    """Runs when the condition is not zero."""
    else_region = region_def("single_block")
    """Runs otherwise; may be empty."""

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect(), _IfPatterns())

    def __init__(
        self,
        condition: SSAValue | Operation,
        then: Region | Sequence[Operation] | None = None,
        otherwise: Region | Sequence[Operation] | None = None,
    ):
        super().__init__(
            operands=[condition],
            regions=[_region(then, indexed=False), _region(otherwise, indexed=False)],
        )

    def print(self, printer: Printer) -> None:
        """Print ``%c {...} else {...}``."""
        printer.print_string(" ")
        printer.print_ssa_value(self.condition)
        printer.print_string(" ")
        printer.print_region(self.then_region, print_empty_block=False)
        if self.else_region.block.ops.first is not None:
            printer.print_string(" else ")
            printer.print_region(self.else_region, print_empty_block=False)
        printer.print_op_attributes(self.attributes, print_keyword=True)

    @classmethod
    def parse(cls, parser: Parser) -> IfOp:
        """Parse what `print` writes."""
        condition = parser.resolve_operand(parser.parse_unresolved_operand(), REG)
        then = parser.parse_region()
        otherwise = parser.parse_region() if parser.parse_optional_keyword("else") else Region()
        for region in (then, otherwise):
            if not region.blocks:
                region.add_block(Block())
        op = cls(condition, then, otherwise)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        op.attributes |= attributes.data if attributes else {}
        return op
