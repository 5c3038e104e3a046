"""Arithmetic of scalar registers: one definition for folding, interpreting and simulating."""

from __future__ import annotations

from collections.abc import Callable

_SCALAR: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a // b,
    "ceildiv": lambda a, b: -(-a // b),
    "mod": lambda a, b: a % b,
    "min": min,
    "max": max,
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
    "eq": lambda a, b: int(a == b),
    "ne": lambda a, b: int(a != b),
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}
SCALAR_KINDS = frozenset(_SCALAR)


def wrap(value: int) -> int:
    """`value` as a 64-bit two's complement number."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def evaluate(kind: str, a: int, b: int) -> int:
    """``a kind b`` on 64-bit registers; div and mod round down, ceildiv up.

    Raises:
        KeyError: `kind` is not a scalar kind.
        ZeroDivisionError: a division by zero, which stops a program.
    """
    return wrap(_SCALAR[kind](a, b))
