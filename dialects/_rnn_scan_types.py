"""The types that belong together in ``rnn.scan`` and ``rnn.while``."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import DenseArrayBase, TensorType, i1
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._types import symbols_of, tensor_type


def slice_type(sequence: Attribute, steps: int, symbol: str) -> TensorType:
    """The type of one step of a sequence; VerifyException when it has not that many steps."""
    if not isinstance(sequence, TensorType) or not sequence.get_shape():
        raise VerifyException(f"rnn.scan input must be a tensor with a time axis, not {sequence}")
    shape, symbols = sequence.get_shape(), symbols_of(sequence)
    if (shape[0], symbols[0]) != (steps, symbol):
        raise VerifyException(
            f"rnn.scan of {steps} '{symbol}' steps has an input of {shape[0]} '{symbols[0]}' steps"
        )
    return tensor_type(sequence.element_type, shape[1:], symbols[1:])


def stacked_type(slice_: Attribute, steps: int, symbol: str) -> TensorType:
    """The type of ``steps`` slices stacked along a new axis 0."""
    if not isinstance(slice_, TensorType):
        raise VerifyException(f"rnn.scan output slice must be a tensor, not {slice_}")
    shape, symbols = slice_.get_shape(), symbols_of(slice_)
    return tensor_type(slice_.element_type, (steps, *shape), (symbol, *symbols))


def flags(values: Sequence[bool]) -> DenseArrayBase:
    """Booleans as ``array<i1: ...>``."""
    return DenseArrayBase.from_list(i1, [bool(v) for v in values])


def same_types(
    what: str, found: Sequence[Attribute], wanted: Sequence[Attribute], name: str
) -> None:
    """Refuse types other than those wanted; VerifyException says which, of the operation `name`."""
    if len(found) != len(wanted):
        raise VerifyException(f"{name} has {len(found)} {what}s, expected {len(wanted)}")
    for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if a != b:
            raise VerifyException(f"{name} {what} {number} must be {b}, not {a}")
