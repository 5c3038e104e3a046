"""Rows of a batch that have lengths of their own: what a program says about them in its signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnncc.errors import ProgramError, nearest

if TYPE_CHECKING:
    from rnncc.program.container import Port, Program

ORDERS = {
    "any": "rows may come in any order",
    "host": "the host orders the rows, longest first, and puts the outputs back in the caller's order",
    "caller": "the caller gives the longest row first",
    "slots": "the host lays the requests out in slots, one after the other, and puts the outputs back",
}
"""Who sees to it that the rows are in the order that the program asks for."""

ROLES = ("lengths", "first", "last", "request", "finals", "heads")
"""What the inputs that the host makes for slots say (``rnncc.slots``)."""
_AXES = ("inputs", "outputs", "times", "output_times")
_KEYS = ("lengths", "maximum", "symbol", "order", "requests", *_AXES, "roles")


@dataclass(frozen=True)
class Batch:
    """The independent sequences that a program serves in one run.

    Attributes:
        lengths: the input (i32 [rows]) that says how many steps each row has.
        maximum: the most steps, where ``symbol`` is not shorter in this run.
        symbol: the run-time length that bounds them, "" for none.
        order: a key of ``ORDERS``.
        inputs, outputs: the axis of the rows in each of them that has one; the lengths among the inputs.
        requests: for slots, the most sequences of a run; rows are slots where there is a time, else requests.
        times, output_times: for slots, the axis of the time in each input and output that has one.
        roles: for slots, the inputs that the host makes: key of ``ROLES`` -> name.
    """

    lengths: str
    maximum: int
    symbol: str
    order: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    requests: int = 0
    times: Mapping[str, int] = field(default_factory=dict)
    output_times: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file; :func:`read_batch` reads it."""
        return {key: getattr(self, key) for key in _KEYS}


def read_batch(table: Any, where: str) -> Batch | None:
    """A batch from the plain data of a file; an empty table is none.

    Raises:
        ProgramError: a key is missing or unknown, or a value is of another type.
    """
    if table == {}:
        return None
    if not isinstance(table, dict) or set(table) != set(_KEYS):
        raise ProgramError(f"{where}: must have {', '.join(_KEYS)}")
    texts = all(isinstance(table[key], str) for key in ("lengths", "symbol", "order"))
    axes = all(
        isinstance(table[key], dict) and all(type(axis) is int for axis in table[key].values())
        for key in _AXES
    )
    roles = table["roles"]
    named = isinstance(roles, dict) and all(isinstance(name, str) for name in roles.values())
    numbers = all(type(table[key]) is int for key in ("maximum", "requests"))
    if not (texts and axes and named and numbers):
        raise ProgramError(f"{where}: a value is of the wrong type")
    for role in roles:
        if role not in ROLES:
            raise ProgramError(f"{where}: unknown role '{role[:40]}'", nearest(role, ROLES))
    if table["order"] not in ORDERS:
        raise ProgramError(
            f"{where}: unknown order '{table['order'][:40]}'", nearest(table["order"], ORDERS)
        )
    return Batch(**table)


def check_batch(program: Program) -> None:
    """Check the batch of a program against its ports.

    Raises:
        ProgramError: it names a port, axis or symbol that does not exist, or rows whose numbers differ.
    """
    batch = program.batch
    if batch is None:
        return
    inputs = {port.name: port for port in program.inputs}
    outputs = {port.name: port for port in program.outputs}
    lengths = inputs.get(batch.lengths)
    if lengths is None or lengths.dtype != "i32" or len(lengths.shape) != 1 or lengths.symbols[0]:
        raise ProgramError(f"batch: '{batch.lengths[:80]}' is no input of lengths, i32 [rows]")
    if batch.symbol and batch.symbol not in program.symbols:
        raise ProgramError(f"batch: unknown symbol '{batch.symbol[:80]}'")
    rows = lengths.shape[0]
    slots = batch.order == "slots"
    for ports, axes, times in (
        (inputs, batch.inputs, batch.times),
        (outputs, batch.outputs, batch.output_times),
    ):
        for name, axis in axes.items():
            own = name in batch.roles.values() and name not in times and name != batch.lengths
            count = (
                batch.requests if own or (slots and name not in (*times, batch.lengths)) else rows
            )
            if name not in ports or not _has_rows(ports[name], axis, count):
                raise ProgramError(f"batch: '{name[:80]}' has no {count} rows on axis {axis}")
        for name, axis in times.items():
            if name not in axes or not _has_time(ports[name], axis, batch):
                raise ProgramError(f"batch: '{name[:80]}' has no time on axis {axis}")
    if slots:
        _check_roles(batch, inputs)


def _check_roles(batch: Batch, inputs: Mapping[str, Port]) -> None:
    """The inputs that the host makes are of the types that it makes."""
    if batch.roles.get("lengths") != batch.lengths or batch.requests < 1:
        raise ProgramError("batch: slots need lengths and a number of requests")
    for role, name in batch.roles.items():
        timed = role in ("first", "last", "request")
        dtype = {"lengths": "i32", "first": "i1", "last": "i1"}.get(role, "i64")
        port = inputs.get(name)
        if port is None or port.dtype != dtype or len(port.shape) != 1 + timed:
            raise ProgramError(f"batch: '{name[:80]}' is no input of {role}")
        if (batch.inputs.get(name), batch.times.get(name, -1)) != ((1, 0) if timed else (0, -1)):
            raise ProgramError(f"batch: '{name[:80]}' has its rows or its time elsewhere")


def _has_time(port: Port, axis: int, batch: Batch) -> bool:
    inside = 0 <= axis < len(port.shape)
    return inside and (port.shape[axis], port.symbols[axis]) == (batch.maximum, batch.symbol)


def _has_rows(port: Port, axis: int, rows: int) -> bool:
    inside = 0 <= axis < len(port.shape)
    return inside and port.shape[axis] == rows and not port.symbols[axis]
