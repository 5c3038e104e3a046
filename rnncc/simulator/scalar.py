"""Scalar arithmetic: registers are 64-bit two's complement."""

from __future__ import annotations

from rnncc.isa.instruction import Instruction

_SCALAR = {
    "add": "wrap({0} + {1})",
    "sub": "wrap({0} - {1})",
    "mul": "wrap({0} * {1})",
    "div": "{0} // {1}",
    "ceildiv": "-(-{0} // {1})",
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
_LOW, _RANGE = -(1 << 63), 1 << 64


def wrap(value: int) -> int:
    """An integer in 64-bit two's complement."""
    return (value - _LOW) % _RANGE + _LOW


def scalar(instruction: Instruction) -> str:
    """The expression of an ``s.<kind>``, over local variables ``r1`` to ``r31``."""
    b = f"({int(instruction.imm[0])})" if instruction.imm else f"r{instruction.rb}"
    return _SCALAR[instruction.kind].format(f"r{instruction.ra}", b)
