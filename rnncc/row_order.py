"""Rows with lengths of their own: checked at each run, and ordered by the host where the program asks for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnncc.errors import InputError
from rnncc.program.batch import Batch


def check_lengths(batch: Batch, lengths: np.ndarray, actual: Mapping[str, int]) -> None:
    """Every row's length is within the time, and the order is what the caller promised.

    Args:
        batch: of the program.
        lengths: one for each row.
        actual: run-time lengths of this run by symbol.

    Raises:
        InputError: names the first row that is wrong.
    """
    most = actual.get(batch.symbol, batch.maximum)
    wrong = np.flatnonzero((lengths < 0) | (lengths > most))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(
            f"input '{batch.lengths}' holds the length {lengths[row]} for row {row}, outside 0..{most}"
        )
    rising = np.flatnonzero(np.diff(lengths) > 0)
    if batch.order == "caller" and rising.size:
        row = int(rising[0]) + 1
        raise InputError(
            f"input '{batch.lengths}': row {row} is longer ({lengths[row]}) than the row before it "
            f"({lengths[row - 1]}), and the program was compiled for rows that come longest first",
            "sort the rows, or compile with batch-sequences{policy=pack order=host}",
        )


def order_of(batch: Batch | None, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """For each place the row that the host puts there: longest first, equally long ones as they came.

    None when the rows stay where they are.
    """
    if batch is None or batch.order != "host":
        return None
    return np.argsort(-arrays[batch.lengths].astype(np.int64), kind="stable")


def ordered(
    batch: Batch, arrays: Mapping[str, np.ndarray], order: np.ndarray
) -> dict[str, np.ndarray]:
    """Inputs with their rows in this order."""
    return {
        name: np.take(array, order, axis=batch.inputs[name]) if name in batch.inputs else array
        for name, array in arrays.items()
    }


def restored(
    batch: Batch, arrays: Mapping[str, np.ndarray], order: np.ndarray
) -> dict[str, np.ndarray]:
    """Outputs with their rows as the caller gave them."""
    places = np.argsort(order, kind="stable")
    return {
        name: np.take(array, places, axis=batch.outputs[name]) if name in batch.outputs else array
        for name, array in arrays.items()
    }
