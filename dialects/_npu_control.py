"""Loops and branches of the npu dialect: the control engine."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import (
    HasCanonicalizationPatternsTrait,
    NoTerminator,
    RecursiveMemoryEffect,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._npu_types import REG, RegType


class _LoopPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.loop`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Known counts become static; loops of no or one turn dissolve."""
        from rnncc.dialects._npu_canonicalize import SimplifyLoop

        return (SimplifyLoop(),)


class _BreakPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.break`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """A break that never leaves goes."""
        from rnncc.dialects._npu_canonicalize import DropIdleBreak

        return (DropIdleBreak(),)


class _IfPatterns(HasCanonicalizationPatternsTrait):
    """Patterns of `npu.if`."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """A known condition leaves one branch."""
        from rnncc.dialects._npu_canonicalize import SimplifyIf

        return (SimplifyIf(),)


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

    @property
    def leaves(self) -> bool:
        """Whether an `npu.break` may end it before its count."""
        return any(isinstance(op, BreakOp) for op in self.body.block.ops)

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
class BreakOp(IRDLOperation):
    """``npu.break %c``: leave the loop around when the register is zero; the turn is not finished."""

    name = "npu.break"

    condition = operand_def(RegType)
    """Zero leaves the loop."""

    traits = traits_def(_BreakPatterns())
    assembly_format = "$condition attr-dict"

    def __init__(self, condition: SSAValue | Operation):
        super().__init__(operands=[condition])

    def verify_(self) -> None:
        """It stands in a loop's own body, under no branch."""
        if not isinstance(self.parent_op(), LoopOp):
            raise VerifyException("npu.break must stand in the body of npu.loop itself")


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
