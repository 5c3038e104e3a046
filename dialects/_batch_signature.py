"""``rnncc.batch`` on a function: its inputs and outputs hold rows that have lengths of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException

BATCH_ATTR = "rnncc.batch"
"""``{lengths, maximum, symbol, order, inputs, outputs}``, as in :class:`BatchSignature`."""

ORDERS = ("any", "host", "caller", "slots")
"""Rows in any order; ordered by the host before the program runs; given longest first by the caller; laid out in
slots by the host."""


@dataclass(frozen=True)
class BatchSignature:
    """Which argument holds the lengths, what bounds them, and where the rows are.

    Attributes:
        lengths: number of the argument.
        maximum: the most steps of a row.
        symbol: the run-time length that bounds them, "" for none.
        order: one of ``ORDERS``.
        inputs, outputs: the axis of the rows in each argument and result, -1 where there are none.
        requests: for slots, the most requests of a run.
        times, output_times: for slots, the axis of the time in each argument and result, -1 without: those
            have a row for each request.
        roles: for slots, what each argument that the host makes says, "" for the caller's.
    """

    lengths: int
    maximum: int
    symbol: str
    order: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    requests: int = 0
    times: tuple[int, ...] = ()
    output_times: tuple[int, ...] = ()
    roles: tuple[str, ...] = ()

    def attribute(self) -> DictionaryAttr:
        """The attribute; :func:`batch_of` reads it back."""
        table: dict[str, Attribute] = {
            "lengths": IntegerAttr(self.lengths, i64),
            "maximum": IntegerAttr(self.maximum, i64),
            "symbol": StringAttr(self.symbol),
            "order": StringAttr(self.order),
            "inputs": _axes(self.inputs),
            "outputs": _axes(self.outputs),
        }
        if self.order == "slots":
            table |= {
                "requests": IntegerAttr(self.requests, i64),
                "times": _axes(self.times),
                "output_times": _axes(self.output_times),
                "roles": ArrayAttr([StringAttr(role) for role in self.roles]),
            }
        return DictionaryAttr(table)


def batch_of(function: Operation) -> BatchSignature | None:
    """The batch of a function; None where it has none.

    Raises:
        VerifyException: the attribute is malformed.
    """
    table = function.attributes.get(BATCH_ATTR)
    if table is None:
        return None
    try:
        assert isinstance(table, DictionaryAttr)
        found = BatchSignature(
            _number(table.data["lengths"]),
            _number(table.data["maximum"]),
            _text(table.data["symbol"]),
            _text(table.data["order"]),
            _tuple(table.data["inputs"]),
            _tuple(table.data["outputs"]),
        )
        if found.order == "slots":
            roles = table.data["roles"]
            assert isinstance(roles, ArrayAttr)
            found = replace(
                found,
                requests=_number(table.data["requests"]),
                times=_tuple(table.data["times"]),
                output_times=_tuple(table.data["output_times"]),
                roles=tuple(_text(role) for role in roles),
            )
            assert len(found.times) == len(found.roles) == len(found.inputs)
            assert len(found.output_times) == len(found.outputs)
    except (AssertionError, KeyError):
        raise VerifyException(
            f"{BATCH_ATTR} must have lengths, maximum, symbol, order, inputs, outputs"
        ) from None
    if found.order not in ORDERS or not 0 <= found.lengths < len(found.inputs):
        raise VerifyException(f"{BATCH_ATTR}: unknown order, or lengths that are no argument")
    return found


def _axes(values: Sequence[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, list(values))


def _number(attribute: object) -> int:
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data


def _text(attribute: object) -> str:
    assert isinstance(attribute, StringAttr)
    return attribute.data


def _tuple(attribute: object) -> tuple[int, ...]:
    assert isinstance(attribute, DenseArrayBase)
    return tuple(int(v) for v in attribute.get_values())
