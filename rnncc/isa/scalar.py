"""Arithmetic of scalar registers: one definition for folding, interpreting and simulating.

Registers are 64-bit two's complement; every result wraps around, that of -2**63 / -1 as well.
"""

from __future__ import annotations

from collections.abc import Callable

from rnncc.isa.instruction import Instruction

_LOW, _RANGE = -(1 << 63), 1 << 64


def wrap(value: int) -> int:
    """An integer in 64-bit two's complement."""
    return (value - _LOW) % _RANGE + _LOW


EXPRESSIONS = {
    "add": "wrap({0} + {1})",
    "sub": "wrap({0} - {1})",
    "mul": "wrap({0} * {1})",
    "div": "wrap({0} // {1})",
    "ceildiv": "wrap(-(-{0} // {1}))",
    "mod": "{0} % {1}",
    "min": "({0} if {0} < {1} else {1})",
    "max": "({0} if {0} > {1} else {1})",
    "lt": "int({0} < {1})",
    "le": "int({0} <= {1})",
    "eq": "int({0} == {1})",
    "ne": "int({0} != {1})",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
}
"""Kind -> its value as Python text over two numbers within the range, and ``wrap``."""

SCALAR_KINDS = frozenset(EXPRESSIONS)

_FUNCTIONS: dict[str, Callable[[int, int], int]] = {
    kind: eval(f"lambda a, b: {text.format('a', 'b')}", {"wrap": wrap})
    for kind, text in EXPRESSIONS.items()
}


def evaluate(kind: str, a: int, b: int) -> int:
    """``a kind b`` on 64-bit registers; div and mod round down, ceildiv up.

    Raises:
        KeyError: `kind` is not a scalar kind.
        ZeroDivisionError: a division by zero, which stops a program.
    """
    return _FUNCTIONS[kind](wrap(a), wrap(b))


def scalar(instruction: Instruction) -> str:
    """The expression of an ``s.<kind>``, over local variables ``r1`` to ``r31``."""
    b = f"({int(instruction.imm[0])})" if instruction.imm else f"r{instruction.rb}"
    return EXPRESSIONS[instruction.kind].format(f"r{instruction.ra}", b)
