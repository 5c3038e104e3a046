"""The lengths that symbols have in one run, found from the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects._types import actual_shape, numpy_dtype, shape_of, symbols_of, type_of
from rnncc.errors import InputError


@dataclass(frozen=True)
class Lengths:
    """Symbols with their maximum and their length in this run.

    Attributes:
        maxima: symbol -> largest length, the one the tensor types are written for.
        actual: symbol -> length in this run.
    """

    maxima: Mapping[str, int]
    actual: Mapping[str, int]

    def shape(self, kind: SSAValue | Attribute) -> tuple[int, ...]:
        """The shape that a tensor type (or value) has in this run."""
        return actual_shape(kind, self.maxima, self.actual)


def find_lengths(
    types: Mapping[str, Attribute],
    arrays: Mapping[str, np.ndarray],
    maxima: Mapping[str, int],
    given: Mapping[str, int] | None = None,
) -> Lengths:
    """The lengths with which every array fits its tensor type.

    Args:
        types: input name -> tensor type.
        arrays: input name -> the array for this run.
        maxima: symbol -> maximum.
        given: lengths already decided, for symbols that no input shows.

    Raises:
        InputError: an array's type or shape does not fit, or two disagree about a length.
    """
    actual: dict[str, int] = dict(given or {})
    for symbol, length in actual.items():
        if symbol not in maxima or not 1 <= length <= maxima[symbol]:
            raise InputError(f"the length {symbol}={length} is not in 1..{maxima.get(symbol, 0)}")
    for name, kind in types.items():
        array = arrays[name]
        want = numpy_dtype(type_of(kind).get_element_type())
        if array.dtype != want:
            raise InputError(f"input '{name}' is {array.dtype}, the model takes {want}")
        largest, symbols = shape_of(kind), symbols_of(kind)
        if array.ndim != len(largest):
            raise InputError(_misfit(name, array, largest, symbols))
        for size, most, symbol in zip(array.shape, largest, symbols, strict=True):
            unit = most // maxima[symbol] if symbol else most
            if not symbol and size != most:
                raise InputError(_misfit(name, array, largest, symbols))
            if not symbol:
                continue
            length, rest = divmod(size, unit)
            if rest or not 1 <= length <= maxima[symbol]:
                raise InputError(_misfit(name, array, largest, symbols))
            if actual.setdefault(symbol, length) != length:
                raise InputError(
                    f"input '{name}' has {symbol}={length}, another says {actual[symbol]}"
                )
    return Lengths(maxima, actual)


def _misfit(name: str, array: np.ndarray, largest: Sequence[int], symbols: Sequence[str]) -> str:
    takes = [
        f"{symbol}<={size}" if symbol else str(size)
        for size, symbol in zip(largest, symbols, strict=True)
    ]
    return f"input '{name}' has shape {list(array.shape)}, the model takes [{', '.join(takes)}]"
