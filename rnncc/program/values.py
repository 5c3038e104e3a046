"""The values of a constant in assembler text."""

from __future__ import annotations

import math

import numpy as np

from rnncc.isa.lexer import Line
from rnncc.isa.types import ITEM_SIZES, NUMPY_TYPES


def read_values(
    line: Line, name: str, dtype: str, shape: tuple[int, ...], given: np.ndarray | None
) -> np.ndarray:
    """A constant's values: ``= [1, 2]``, ``= hex "..."``, or from the arrays given."""
    column = line.next.column
    count, target = math.prod(shape), NUMPY_TYPES[dtype]
    if not line.accept("="):
        if given is None and count == 0:
            given = np.zeros(shape, target)
        if given is None:
            raise line.error(
                f"no values for constant '{name}'",
                column,
                "write them, or give the .npz that `rnncc disasm --constants` writes, with --constants",
            )
        # NumPy's files know no bfloat16: such arrays come back as raw two-byte elements.
        if given.dtype.kind == "V" and given.dtype.itemsize == target.itemsize:
            given = given.view(target)
        if given.dtype != target or given.shape != shape:
            raise line.error(
                f"the array given for '{name}' is {given.dtype} {list(given.shape)}", column
            )
        return np.ascontiguousarray(given)
    if line.accept("hex"):
        try:
            data = bytes.fromhex(line.quoted("hexadecimal digits in quotes"))
        except ValueError:
            raise line.error("not hexadecimal digits", column) from None
        if len(data) != count * ITEM_SIZES[dtype]:
            raise line.error(
                f"{len(data)} bytes for a constant of {count * ITEM_SIZES[dtype]}", column
            )
        if dtype == "i1" and max(data, default=0) > 1:
            raise line.error("an i1 element is neither 0 nor 1", column)
        return np.frombuffer(data, target).reshape(shape)
    line.expect("[")
    values: list[float | int] = []
    while not line.accept("]"):
        if values:
            line.expect(",")
        values.append(line.number("a number"))
    if len(values) != count:
        raise line.error(f"{len(values)} values for a constant of {count} elements", column)
    try:
        return np.array(values, target).reshape(shape)
    except OverflowError:
        raise line.error(f"a value does not fit {dtype}", column) from None
