"""Rows of a batch that have lengths of their own: what a program says about them in its signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnncc.errors import ProgramError, nearest

if TYPE_CHECKING:
    from rnncc.program.container import Port, Program

ORDERS = {
    "any": "rows may come in any order",
    "host": "the host orders the rows, longest first, and puts the outputs back in the caller's order",
    "caller": "the caller gives the longest row first",
}
"""Who sees to it that the rows are in the order that the program asks for."""

_KEYS = ("lengths", "maximum", "symbol", "order", "inputs", "outputs")


@dataclass(frozen=True)
class Batch:
    """The independent sequences that a program serves in one run.

    Attributes:
        lengths: the input (i32 [rows]) that says how many steps each row has.
        maximum: the most steps, where ``symbol`` is not shorter in this run.
        symbol: the run-time length that bounds them, "" for none.
        order: a key of ``ORDERS``.
        inputs, outputs: the axis of the rows in each of them that has one; the lengths among the inputs.
    """

    lengths: str
    maximum: int
    symbol: str
    order: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

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
        for key in ("inputs", "outputs")
    )
    if not texts or not axes or type(table["maximum"]) is not int:
        raise ProgramError(f"{where}: a value is of the wrong type")
    if table["order"] not in ORDERS:
        raise ProgramError(
            f"{where}: unknown order '{table['order'][:40]}'", nearest(table["order"], ORDERS)
        )
    return Batch(**{**table, "inputs": dict(table["inputs"]), "outputs": dict(table["outputs"])})


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
    for ports, axes in ((inputs, batch.inputs), (outputs, batch.outputs)):
        for name, axis in axes.items():
            if name not in ports or not _has_rows(ports[name], axis, rows):
                raise ProgramError(f"batch: '{name[:80]}' has no {rows} rows on axis {axis}")


def _has_rows(port: Port, axis: int, rows: int) -> bool:
    inside = 0 <= axis < len(port.shape)
    return inside and port.shape[axis] == rows and not port.symbols[axis]
