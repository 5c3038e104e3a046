"""Pieces of the assembly of ``rnn.scan`` and ``rnn.while``."""

from __future__ import annotations

from xdsl.ir import SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer


def print_typed(value: SSAValue, printer: Printer) -> None:
    """An operand and its type, ``%v : type``."""
    printer.print_operand(value)
    printer.print_string(" : ")
    printer.print_attribute(value.type)


def parse_typed(parser: Parser) -> SSAValue:
    """What :func:`print_typed` writes."""
    name = parser.parse_unresolved_operand()
    parser.parse_punctuation(":")
    return parser.resolve_operand(name, parser.parse_type())
