"""Arithmetic of scalar registers: one definition for folding, interpreting and simulating."""

from __future__ import annotations

from collections.abc import Callable


def _floor_divide(a: int, b: int) -> int:
    return a // b if b else 0


_SCALAR: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _floor_divide,
    "ceildiv": lambda a, b: -_floor_divide(-a, b),
    "mod": lambda a, b: a % b if b else 0,
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
    """``a kind b`` on 64-bit registers; div, ceildiv and mod floor and give 0 for a divisor of 0.

    Raises:
        KeyError: `kind` is not a scalar kind.
    """
    return wrap(_SCALAR[kind](a, b))
