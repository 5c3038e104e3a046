"""The text form of the operators of the onnx dialect.

Text form, the same for all operators::

    %y, %yh = onnx.LSTM(%x, %w, %r, none, none, %h0) v22 {hidden_size = 8 : i64}
        : (tensor<..>, ...) -> (tensor<..>, tensor<..>)

An absent optional operand or result is written ``none``; absent trailing ones are left out. ``v22``
is the since-version whose meaning the operation has. Attributes that have their default are left
out. Regions follow the types: ``then_branch { ... } else_branch { ... }``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.ir import SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

if TYPE_CHECKING:
    from rnncc.dialects._onnx_base import OnnxOp


def parse_operation(cls: type[OnnxOp], parser: Parser) -> OnnxOp:
    """Read the text form of an operator of class `cls`."""
    start = parser.pos

    def entry():
        if parser.parse_optional_keyword("none") is not None:
            return None
        return parser.parse_unresolved_operand()

    def kind():
        if parser.parse_optional_keyword("none") is not None:
            return None
        return parser.parse_type()

    unresolved = parser.parse_comma_separated_list(parser.Delimiter.PAREN, entry)
    version = cls.FORM.newest
    for candidate in cls.FORM.versions:
        if parser.parse_optional_keyword(f"v{candidate}") is not None:
            version = candidate
    names = cls.FORM.attributes
    attributes = parser.parse_optional_attr_dict()
    properties = {name: a for name, a in attributes.items() if name in names}
    rest = {name: a for name, a in attributes.items() if name not in names}
    parser.parse_punctuation(":")
    kinds = parser.parse_comma_separated_list(parser.Delimiter.PAREN, kind)
    parser.parse_punctuation("->")
    results = [parser.parse_type()] if not _open(parser) else _rest_of_list(parser, kind)
    if len(kinds) != len(unresolved):
        parser.raise_error(f"{len(unresolved)} operands but {len(kinds)} types", start)
    operands = [
        None if value is None or t is None else parser.resolve_operand(value, t)
        for value, t in zip(unresolved, kinds, strict=True)
    ]
    regions = []
    for name in cls.FORM.regions:
        parser.parse_keyword(name)
        regions.append(parser.parse_region())
    try:
        return cls.make(
            operands, results, properties, version=version, regions=regions, attributes=rest
        )
    except VerifyException as error:
        parser.raise_error(str(error), start)


def print_operation(op: OnnxOp, printer: Printer) -> None:
    """Write the text form of an operator."""
    inputs, outputs = op.inputs_by_position(), op.outputs_by_position()
    with printer.in_parens():
        printer.print_list(inputs, lambda v: _or_none(printer, v, printer.print_ssa_value))
    printer.print_string(f" v{op.version}")
    defaults = op.FORM.defaults(op.version)
    shown = {
        name: attribute
        for name, attribute in op.properties.items()
        if name in op.FORM.attributes and defaults.get(name) != attribute
    }
    printer.print_op_attributes({**shown, **op.attributes})
    printer.print_string(" : ")

    def kind(value: SSAValue) -> None:
        printer.print_attribute(value.type)

    with printer.in_parens():
        printer.print_list(inputs, lambda v: _or_none(printer, v, kind))
    printer.print_string(" -> ")
    if len(outputs) == 1 and outputs[0] is not None:
        kind(outputs[0])
    else:
        with printer.in_parens():
            printer.print_list(outputs, lambda v: _or_none(printer, v, kind))
    for name, region in zip(op.FORM.regions, op.regions, strict=True):
        printer.print_string(f" {name} ")
        printer.print_region(region)


def _or_none(printer: Printer, value: SSAValue | None, write) -> None:
    if value is None:
        printer.print_string("none")
    else:
        write(value)


def _open(parser: Parser) -> bool:
    return parser.parse_optional_punctuation("(") is not None


def _rest_of_list(parser: Parser, kind) -> list:
    if parser.parse_optional_punctuation(")") is not None:
        return []
    kinds = parser.parse_comma_separated_list(parser.Delimiter.NONE, kind)
    parser.parse_punctuation(")")
    return kinds
