"""``rnncc.batch`` on a function: its inputs and outputs hold rows that have lengths of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, Operation

from rnncc.dialects._attribute_table import AttributeTable, number_list

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
            "inputs": number_list(self.inputs),
            "outputs": number_list(self.outputs),
        }
        if self.order == "slots":
            table |= {
                "requests": IntegerAttr(self.requests, i64),
                "times": number_list(self.times),
                "output_times": number_list(self.output_times),
                "roles": ArrayAttr([StringAttr(role) for role in self.roles]),
            }
        return DictionaryAttr(table)


def batch_of(function: Operation) -> BatchSignature | None:
    """The batch of a function; None where it has none.

    Raises:
        VerifyException: an entry of the attribute is missing, of another type, or does not fit the others.
    """
    if BATCH_ATTR not in function.attributes:
        return None
    table = AttributeTable(function, BATCH_ATTR)
    found = BatchSignature(
        table.number("lengths"),
        table.number("maximum"),
        table.text("symbol"),
        table.text("order"),
        table.numbers("inputs"),
        table.numbers("outputs"),
    )
    if found.order not in ORDERS:
        raise table.error(f"unknown order '{found.order}'")
    if not 0 <= found.lengths < len(found.inputs):
        raise table.error(f"there is no argument {found.lengths} that could be the lengths")
    if found.order != "slots":
        return found
    found = replace(
        found,
        requests=table.number("requests"),
        times=table.numbers("times"),
        output_times=table.numbers("output_times"),
        roles=table.texts("roles"),
    )
    if not len(found.times) == len(found.roles) == len(found.inputs):
        raise table.error("'times' and 'roles' need an entry for each of 'inputs'")
    if len(found.output_times) != len(found.outputs):
        raise table.error("'output_times' needs an entry for each of 'outputs'")
    return found
