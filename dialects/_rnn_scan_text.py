"""The assembly of ``rnn.scan``.

```mlir
%hT, %ys = rnn.scan %t of 25 "T" each(%xt = %x : tensor<25x1x3xf32, ["T", "", ""]>,
    %zt = reverse %z : tensor<...>) carry(%h = %h0 : tensor<1x4xf32>) lens(%l : tensor<1xi32>)
    -> (tensor<25x1x4xf32, ["T", "", ""]>) {
  ...
  rnn.yield %next, %y : tensor<1x4xf32>, tensor<1x4xf32>
}
```
The types after the arrow are those of the stacked outputs; ``reverse`` goes before them as before
inputs. The symbol, ``each``, ``carry``, ``lens``, ``steps`` and the arrow are left out when empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    StringAttr,
    TensorType,
    i1,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._rnn_text import parse_typed, print_typed

if TYPE_CHECKING:
    from rnncc.dialects._rnn_scan import ScanOp


def print_scan(op: ScanOp, printer: Printer) -> None:
    """Print everything after the operation's name."""
    printer.print_string(" ")
    printer.print_ssa_value(op.index)
    printer.print_string(f" of {op.count}")
    if op.symbol.data:
        printer.print_string(" ")
        printer.print_attribute(op.symbol)

    def binding(item: tuple[SSAValue, SSAValue, bool]) -> None:
        argument, value, reverse = item
        printer.print_ssa_value(argument)
        printer.print_string(" = reverse " if reverse else " = ")
        print_typed(value, printer)

    def bindings(word: str, items: list[tuple[SSAValue, SSAValue, bool]]) -> None:
        if items:
            printer.print_string(f" {word}")
            with printer.in_parens():
                printer.print_list(items, binding)

    bindings("each", list(zip(op.slice_args, op.inputs, op.input_flags, strict=True)))
    states = zip(op.state_args, op.inits, strict=True)
    bindings("carry", [(argument, value, False) for argument, value in states])
    for word, value in (("lens", op.lens), ("steps", op.steps)):
        if value is not None:
            printer.print_string(f" {word}")
            with printer.in_parens():
                print_typed(value, printer)

    def output(item: tuple[SSAValue, bool]) -> None:
        printer.print_string("reverse " if item[1] else "")
        printer.print_attribute(item[0].type)

    if op.outputs:
        printer.print_string(" -> ")
        with printer.in_parens():
            printer.print_list(list(zip(op.outputs, op.output_flags, strict=True)), output)
    printer.print_string(" ")
    printer.print_region(op.body, print_entry_block_args=False)
    printer.print_op_attributes(op.attributes)


def parse_scan(
    cls: type[ScanOp],
    parser: Parser,
    slice_type: Callable[[Attribute, int, str], TensorType],
) -> Any:
    """Parse everything after the operation's name."""
    index = parser.parse_argument(expect_type=False).resolve(TensorType(i64, []))
    parser.parse_keyword("of")
    count = parser.parse_integer(allow_boolean=False, allow_negative=False)
    symbol = parser.parse_optional_str_literal() or ""
    reversed_inputs: list[bool] = []

    def binding() -> tuple[Parser.UnresolvedArgument, SSAValue]:
        argument = parser.parse_argument(expect_type=False)
        parser.parse_punctuation("=")
        reversed_inputs.append(parser.parse_optional_keyword("reverse") is not None)
        return argument, parse_typed(parser)

    def bindings(word: str) -> list[tuple[Parser.UnresolvedArgument, SSAValue]]:
        if parser.parse_optional_keyword(word) is None:
            return []
        return parser.parse_comma_separated_list(parser.Delimiter.PAREN, binding)

    position = parser.pos
    each = bindings("each")
    flags = tuple(reversed_inputs)
    carry = bindings("carry")
    extra: dict[str, SSAValue | None] = {"lens": None, "steps": None}
    for word in extra:
        if parser.parse_optional_keyword(word) is not None:
            with parser.in_parens():
                extra[word] = parse_typed(parser)
    outputs: list[tuple[bool, Attribute]] = []
    if parser.parse_optional_punctuation("->"):
        outputs = parser.parse_comma_separated_list(
            parser.Delimiter.PAREN,
            lambda: (parser.parse_optional_keyword("reverse") is not None, parser.parse_type()),
        )
    try:
        slices = [argument.resolve(slice_type(v.type, count, symbol)) for argument, v in each]
    except VerifyException as error:
        parser.raise_error(str(error), position)
    states = [argument.resolve(value.type) for argument, value in carry]
    body = parser.parse_region([index, *slices, *states])
    attributes = parser.parse_optional_attr_dict()
    return cls.build(
        operands=[[v for _, v in each], [v for _, v in carry], extra["lens"], extra["steps"]],
        properties={
            "input_reverse": DenseArrayBase.from_list(i1, list(flags)),
            "output_reverse": DenseArrayBase.from_list(i1, [flag for flag, _ in outputs]),
            "max_steps": IntegerAttr(count, i64),
            "symbol": StringAttr(symbol),
        },
        result_types=[[v.type for _, v in carry], [t for _, t in outputs]],
        attributes=attributes,
        regions=[body],
    )
