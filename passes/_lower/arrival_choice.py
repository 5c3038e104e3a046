"""Into how many pieces weights are cut that are used once, so that the product begins when the first piece is there.

All pieces have their place: nothing waits for room. Loads follow one another, and products. What is multiplied is read
again for each piece where it is off chip. The fewest pieces that come near the shortest time are taken; none when that
saves little, or when the pieces on their way, one a channel, are too short to hide a transfer's latency.
Source: double buffering, the transfer of the next block beside the work on this one (Goto and van de Geijn, 2008).
"""

from __future__ import annotations

from math import ceil

from rnncc.machine import MachineDescription
from rnncc.passes._lower.panel_choice import NEARLY, Streamed

PIECES = (2, 3, 4, 6, 8, 12, 16)
"""How many pieces are weighed."""
SAVING = 10
"""One cycle in this many must be saved: what follows may wait for other loads anyway; a longer program is not free."""


def rows_of_a_piece(
    matrix: Streamed, machine: MachineDescription, again: int, *, aside: bool, over: float = 0
) -> int | None:
    """Rows of the pieces of a matrix that is used once; None when it is better in one.

    Args:
        matrix: the product.
        machine: where.
        again: cycles of the data path to read what is multiplied once more; 0 where it is on chip.
        aside: it has a data path of its own.
        over: bytes of weights that follow where these were, as a share of these.
    """
    native = machine.matrix.rows
    whole = _cycles(matrix, machine, matrix.n, again, over, aside=aside)
    found = []
    for count in PIECES:
        rows = ceil(ceil(matrix.n / count) / native) * native
        moving = matrix.transfer(machine, rows)[0]
        if rows >= matrix.n or moving * machine.dma.channels < machine.dma.latency:
            break
        found.append((_cycles(matrix, machine, rows, again, over, aside=aside), rows))
    least = min(found, default=(whole, 0))[0]
    if (whole - least) * SAVING < whole:
        return None
    return max(rows for cycles, rows in found if cycles * NEARLY <= least * (NEARLY + 1))


def _cycles(
    matrix: Streamed,
    machine: MachineDescription,
    rows: int,
    again: int,
    over: float,
    *,
    aside: bool,
) -> int:
    """Cycles until the last piece is multiplied and what follows it is there, from the start of the first load."""
    path, array, following = machine.dma.latency, 0, []
    for start in range(0, matrix.n, rows):
        size = min(rows, matrix.n - start)
        shared, busy = matrix.transfer(machine, size)
        path += max(shared, busy // machine.dma.channels) + (0 if aside else again)
        spent = matrix.product(machine, size)
        array = max(array, path - spent.load) + max(spent.busy, again)
        following.append((array, shared))
    if over:
        for done, shared in following:
            path = max(path, done) + int(shared * over)
    return max(array, path)
