"""Text of instructions: ``npu.binary add %d, %a, %b [4 * %n, 1, 256] : types of the views``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer

from rnncc.dialects._npu_number import number_text, parse_number_attribute
from rnncc.dialects._npu_types import REG, int_array

if TYPE_CHECKING:
    from rnncc.dialects._npu_instruction import InstructionOp

Parsed = tuple[list[SSAValue | Sequence[SSAValue]], dict[str, Attribute], dict[str, Attribute]]
"""Operands, properties and attributes."""


def print_instruction(op: InstructionOp, printer: Printer) -> None:
    """Print words, views, extents, numbers, flags, attributes and types of the views."""
    for word in op.WORDS:
        printer.print_string(f" {op.properties[word].data}")  # type: ignore[attr-defined]
    printer.print_string(" ")
    printer.print_list(op.views, printer.print_ssa_value)
    printer.print_string(" [")
    for axis, (count, dim) in enumerate(zip(op.extent_values, op.dims, strict=True)):
        printer.print_string(f"{', ' if axis else ''}{count}")
        if dim is not None:
            printer.print_string(" * ")
            printer.print_ssa_value(dim)
    printer.print_string("]")
    for number in op.NUMBERS:
        if number in op.properties:
            printer.print_string(f" {number} {number_text(op.properties[number])}")
    for flag in op.FLAGS:
        if flag in op.properties:
            printer.print_string(f" {flag}")
    printer.print_op_attributes(op.attributes)
    printer.print_string(" : ")
    printer.print_list((v.type for v in op.views), printer.print_attribute)


def parse_instruction(cls: type[InstructionOp], parser: Parser) -> Parsed:
    """Parse what `print_instruction` writes for an operation of class `cls`."""
    properties: dict[str, Attribute] = {}
    for word in cls.WORDS:
        properties[word] = StringAttr(parser.parse_identifier(f"the {word} of {cls.name}"))
    position = parser.pos
    names = [parser.parse_unresolved_operand()]
    while parser.parse_optional_punctuation(","):
        names.append(parser.parse_unresolved_operand())
    counts: list[int] = []
    dims: list[Sequence[SSAValue]] = []
    parser.parse_punctuation("[")
    for axis in range(3):
        if axis:
            parser.parse_punctuation(",")
        counts.append(parser.parse_integer())
        star = parser.parse_optional_punctuation("*")
        dims.append(
            [parser.resolve_operand(parser.parse_unresolved_operand(), REG)] if star else []
        )
    parser.parse_punctuation("]")
    for number in cls.NUMBERS:
        if parser.parse_optional_keyword(number):
            properties[number] = parse_number_attribute(parser)
    for flag in cls.FLAGS:
        if parser.parse_optional_keyword(flag):
            properties[flag] = UnitAttr()
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
    if len(names) != len(cls.VIEWS):
        parser.raise_error(f"{cls.name} takes {len(cls.VIEWS)} views", position)
    views = parser.resolve_operands(names, types, position)
    properties["extents"] = int_array(tuple(counts))
    return [*views, *dims], properties, attributes
