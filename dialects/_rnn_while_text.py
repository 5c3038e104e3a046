"""The assembly of ``rnn.while``.

```mlir
%hT, %kT, %n, %ys = rnn.while of 25 carry(%h0 : tensor<1x4xf32>, %k0 : tensor<i64>)
    steps(%m : tensor<i64>) -> (tensor<25x1x4xf32>) if (%t, %h, %k) {
  ...
  rnn.yield %again : tensor<i1>
} do (%u, %g, %j) {
  ...
  rnn.yield %next, %kept, %y : tensor<1x4xf32>, tensor<i64>, tensor<1x4xf32>
}
```
Both regions name the step number and the states. The types after the arrow are those of the stacked
outputs; ``carry``, ``steps`` and the arrow are left out when empty. The results are the final states,
the number of steps that ran, and the outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, Region, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer

from rnncc.dialects._rnn_text import parse_typed, print_typed

if TYPE_CHECKING:
    from rnncc.dialects._rnn_while import WhileOp


def print_while(op: WhileOp, printer: Printer) -> None:
    """Print everything after the operation's name."""
    printer.print_string(f" of {op.count}")
    for word, values in (("carry", op.inits), ("steps", [op.steps] if op.steps else [])):
        if values:
            printer.print_string(f" {word}")
            with printer.in_parens():
                printer.print_list(values, lambda value: print_typed(value, printer))
    if op.outputs:
        printer.print_string(" -> ")
        with printer.in_parens():
            printer.print_list([v.type for v in op.outputs], printer.print_attribute)
    for word, region in (("if", op.condition), ("do", op.body)):
        printer.print_string(f" {word} ")
        with printer.in_parens():
            printer.print_list(region.block.args, printer.print_ssa_value)
        printer.print_string(" ")
        printer.print_region(region, print_entry_block_args=False)
    printer.print_op_attributes(op.attributes)


def parse_while(cls: type[WhileOp], parser: Parser) -> Any:
    """Parse everything after the operation's name."""
    parser.parse_keyword("of")
    count = parser.parse_integer(allow_boolean=False, allow_negative=False)
    inits: list[SSAValue] = []
    if parser.parse_optional_keyword("carry") is not None:
        inits = parser.parse_comma_separated_list(
            parser.Delimiter.PAREN, lambda: parse_typed(parser)
        )
    steps = None
    if parser.parse_optional_keyword("steps") is not None:
        with parser.in_parens():
            steps = parse_typed(parser)
    outputs: list[Attribute] = []
    if parser.parse_optional_punctuation("->"):
        outputs = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
    index = TensorType(i64, [])
    types: list[Attribute] = [index, *(v.type for v in inits)]
    regions = [_region(parser, word, types) for word in ("if", "do")]
    attributes = parser.parse_optional_attr_dict()
    return cls.build(
        operands=[inits, steps],
        properties={"max_steps": IntegerAttr(count, i64)},
        result_types=[[v.type for v in inits], index, outputs],
        attributes=attributes,
        regions=regions,
    )


def _region(parser: Parser, word: str, types: list[Attribute]) -> Region:
    parser.parse_keyword(word)
    position = parser.pos
    names = parser.parse_comma_separated_list(
        parser.Delimiter.PAREN, lambda: parser.parse_argument(expect_type=False)
    )
    if len(names) != len(types):
        parser.raise_error(
            f"rnn.while names {len(names)} arguments for {len(types)} values", position
        )
    return parser.parse_region([n.resolve(t) for n, t in zip(names, types, strict=True)])
