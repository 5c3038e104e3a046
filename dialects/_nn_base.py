"""What all nn operations share: one result, no effects, one readable text form.

``%r = nn.NAME kind %a, %b property value ... {attributes} : type, type -> type``
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    f64,
    i64,
)
from xdsl.interfaces import HasCanonicalizationPatternsInterface
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, OpDef, traits_def
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from rnncc.errors import RnnccError


def ints(values: Sequence[int] | DenseArrayBase) -> DenseArrayBase:
    """An ``array<i64: ...>`` attribute of the numbers."""
    if isinstance(values, DenseArrayBase):
        return values
    return DenseArrayBase.from_list(i64, [int(v) for v in values])


def integer(value: int | IntegerAttr) -> IntegerAttr:
    """An i64 attribute of the number."""
    return value if isinstance(value, IntegerAttr) else IntegerAttr(int(value), i64)


def number(value: float | FloatAttr | None) -> FloatAttr | None:
    """An f64 attribute of the number (f64 holds every f32 exactly), or None."""
    if value is None:
        return None
    return FloatAttr(value.value.data if isinstance(value, FloatAttr) else float(value), f64)


def flag(value: object) -> UnitAttr | None:
    """A unit attribute for a true value, None for a false one."""
    return UnitAttr() if value else None


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    text = repr(value)
    if "." not in text:
        text = text.replace("e", ".0e")
    return text


def _parse_float(parser: Parser) -> float:
    negative = parser.parse_optional_punctuation("-") is not None
    word = parser.parse_optional_keyword_in(("inf", "nan"))
    value = float(word) if word else float(parser.parse_number())
    return -value if negative else value


class NNOp(IRDLOperation, HasCanonicalizationPatternsInterface, ABC):
    """An nn operation: pure, with exactly one tensor result.

    Subclasses list in `WORDS` the properties to write after the operands, in order, and define
    `inferred` from the static function `infer` of their module.
    """

    WORDS: ClassVar[tuple[str, ...]] = ()

    traits = traits_def(Pure())

    @abstractmethod
    def inferred(self) -> TensorType:
        """The result type that follows from operands and properties.

        Raises:
            ShapeError: the operands do not fit together.
            DynamicTimeError: a run-time length cannot be followed exactly.
            UnsupportedError: the element type is not one the operation takes.
        """

    def verify_(self) -> None:
        """Refuse operands that do not fit and a result type other than the inferred one."""
        try:
            expected = self.inferred()
        except RnnccError as error:
            raise VerifyException(f"{self.name}: {error.message}") from error
        if expected != self.results[0].type:
            raise VerifyException(
                f"{self.name}: the result is {expected}, not {self.results[0].type}"
            )

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """The patterns of rnncc.dialects._nn_canonical for this operation."""
        from rnncc.dialects._nn_canonical import patterns_for

        return patterns_for(cls)

    def print(self, printer: Printer) -> None:
        """Write the text form of the module docstring."""
        if isinstance(kind := self.properties.get("kind"), StringAttr):
            printer.print_string(f" {kind.data}")
        if self.operands:
            printer.print_string(" ")
            printer.print_list(self.operands, printer.print_ssa_value)
        for word in self.WORDS:
            attr = self.properties.get(word)
            if attr is not None:
                printer.print_string(f" {word}{_word_text(attr)}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        if self.operands:
            printer.print_list(self.operand_types, printer.print_attribute)
            printer.print_string(" -> ")
        printer.print_attribute(self.results[0].type)

    @classmethod
    def parse(cls, parser: Parser):
        """Read the text form of the module docstring."""
        definition = cls.get_irdl_definition()
        properties: dict[str, Attribute] = {}
        if "kind" in definition.properties:
            properties["kind"] = StringAttr(parser.parse_identifier("a kind"))
        operands = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
        )
        for word in cls.WORDS:
            if parser.parse_optional_keyword(word):
                properties[word] = _parse_word(parser, definition, word)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        values = []
        if operands:
            types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
            values = parser.resolve_operands(operands, types, parser.pos)
            parser.parse_punctuation("->")
        return cls.create(
            operands=values,
            properties=properties,
            attributes=attributes,
            result_types=[parser.parse_type()],
        )


def _word_text(attr: Attribute) -> str:
    if isinstance(attr, UnitAttr):
        return ""
    if isinstance(attr, DenseArrayBase):
        return f" {list(attr.get_values())}"
    if isinstance(attr, IntegerAttr):
        return f" {attr.value.data}"
    if isinstance(attr, FloatAttr):
        return f" {_float_text(attr.value.data)}"
    return f" {attr}"


def _parse_word(parser: Parser, definition: OpDef, word: str) -> Attribute:
    bases = definition.properties[word].constr.get_bases() or set()
    if UnitAttr in bases:
        return UnitAttr()
    if DenseArrayBase in bases:
        return ints(
            parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
        )
    if IntegerAttr in bases:
        return integer(parser.parse_integer())
    return FloatAttr(_parse_float(parser), f64)
