"""``rnn.if``: one of two ways to compute the same values, chosen by a scalar at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import TensorType, i1
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    region_def,
    traits_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import (
    HasCanonicalizationPatternsTrait,
    RecursiveMemoryEffect,
    SingleBlockImplicitTerminator,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._rnn_yield import YieldOp, yield_of

CONDITION = TensorType(i1, [])
"""The type of a condition."""

_REGION = "a region of rnn.if"


class _IfCanonicalization(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from rnncc.dialects._rnn_if_canonicalize import PATTERNS

        return PATTERNS


@irdl_op_definition
class IfOp(IRDLOperation):
    """Compute the first region when the condition holds, the second one otherwise.

    ```mlir
    %h, %c = rnn.if %update -> (tensor<1x4xf32>, tensor<1x4xf32>) {
      ...
      rnn.yield %hnew, %cnew : tensor<1x4xf32>, tensor<1x4xf32>
    } else {
      rnn.yield %hold, %cold : tensor<1x4xf32>, tensor<1x4xf32>
    }
    ```
    Both regions yield the results; they have no arguments and may use values from around them.
    What is not taken is not computed: on the machine it costs a scalar read and a branch, and a
    state of the scan around that a region yields unchanged is not even copied.
    """

    name = "rnn.if"

    condition = operand_def(TensorType)
    """A scalar, ``tensor<i1>``."""
    results_ = var_result_def(TensorType)
    """What the region that ran has yielded."""
    then_region = region_def("single_block")
    """Computed when the condition holds."""
    else_region = region_def("single_block")
    """Computed otherwise."""

    traits = traits_def(
        SingleBlockImplicitTerminator(YieldOp), RecursiveMemoryEffect(), _IfCanonicalization()
    )

    @classmethod
    def make(cls, condition: SSAValue, then: Block, otherwise: Block) -> Self:
        """Build from two finished blocks, each ended by ``rnn.yield``; results as the first yields.

        Raises:
            VerifyException: a block has no ``rnn.yield`` at its end.
        """
        return cls.build(
            operands=[condition],
            result_types=[[v.type for v in yield_of(then, _REGION).arguments]],
            regions=[Region(then), Region(otherwise)],
        )

    @property
    def ends(self) -> tuple[YieldOp, YieldOp]:
        """The ``rnn.yield`` of both regions."""
        return yield_of(self.then_region, _REGION), yield_of(self.else_region, _REGION)

    def verify_(self) -> None:
        """A scalar condition; both regions yield the types of the results and take nothing."""
        if self.condition.type != CONDITION:
            raise VerifyException(
                f"rnn.if condition must be {CONDITION}, not {self.condition.type}"
            )
        wanted = [v.type for v in self.results]
        for word, region, end in zip(
            ("then", "else"), (self.then_region, self.else_region), self.ends, strict=True
        ):
            if region.block.args:
                raise VerifyException(f"rnn.if {word} region takes no arguments")
            _check(word, [v.type for v in end.arguments], wanted)

    def print(self, printer: Printer) -> None:
        """Print everything after the operation's name."""
        printer.print_string(" ")
        printer.print_operand(self.condition)
        if self.results:
            printer.print_string(" -> ")
            with printer.in_parens():
                printer.print_list([v.type for v in self.results], printer.print_attribute)
        printer.print_string(" ")
        printer.print_region(self.then_region)
        printer.print_string(" else ")
        printer.print_region(self.else_region)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        """Parse what `print` writes."""
        condition = parser.resolve_operand(parser.parse_unresolved_operand(), CONDITION)
        types: list[Attribute] = []
        if parser.parse_optional_punctuation("->"):
            types = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
        then = parser.parse_region()
        parser.parse_keyword("else")
        otherwise = parser.parse_region()
        attributes = parser.parse_optional_attr_dict()
        return cls.build(
            operands=[condition],
            result_types=[types],
            regions=[then, otherwise],
            attributes=attributes,
        )


def _check(word: str, found: Sequence[Attribute], wanted: Sequence[Attribute]) -> None:
    if len(found) != len(wanted):
        raise VerifyException(
            f"rnn.if {word} region yields {len(found)} values, expected {len(wanted)}"
        )
    for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if a != b:
            raise VerifyException(f"rnn.if {word} region must yield {b} as value {number}, not {a}")
