"""Inputs that keep some rows of a program at work for some steps; their values are zero, as only cycles count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnncc.isa.types import NUMPY_TYPES

if TYPE_CHECKING:
    from rnncc.program import Port, Program


def batch_inputs(program: Program, rows: int, steps: int) -> dict[str, np.ndarray]:
    """Inputs of a run in which `rows` sequences have `steps` steps and the other rows, if any, none.

    Args:
        program: with a batch of rows that have lengths of their own.
        rows: at most as many as the program has.
        steps: at most as many as the program was compiled for.
    """
    batch = program.batch
    assert batch is not None
    slots = batch.order == "slots"
    made = set(batch.roles.values()) if slots else {batch.lengths}
    inputs = {
        port.name: np.zeros(_shape(program, port, rows, steps), NUMPY_TYPES[port.dtype])
        for port in program.inputs
        if port.name not in made
    }
    (all_rows,) = next(p.shape for p in program.inputs if p.name == batch.lengths)
    lengths = np.zeros(rows if slots else all_rows, np.int32)
    lengths[:rows] = steps
    return inputs | {batch.lengths: lengths}


def _shape(program: Program, port: Port, rows: int, steps: int) -> list[int]:
    batch = program.batch
    assert batch is not None
    shape = [
        size // program.symbols[symbol].maximum * steps if symbol else size
        for size, symbol in zip(port.shape, port.symbols, strict=True)
    ]
    if batch.order == "slots":
        shape[batch.inputs[port.name]] = rows
    return shape
