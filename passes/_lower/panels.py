"""How large the pieces are that something is cut into."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr

from rnncc.dialects import nn
from rnncc.errors import CapacityError
from rnncc.passes._lower.attributes import PANEL_ATTR, ROOM_ATTR
from rnncc.passes._lower.budget import Budget
from rnncc.passes._lower.lowering import describe

PANELS = 2
"""Panels of streamed weights in the weight memory: one in use, one on its way."""


def even(size: int, most: int) -> int:
    """A block of at most `most` that cuts `size` into the fewest pieces, nearly equal."""
    if most >= size:
        return size
    pieces = -(-size // max(1, most))
    return -(-size // pieces)


def panel(
    op: nn.MatmulOp, n: int, k: int, item: int, budget: Budget, count: int = PANELS
) -> tuple[int, int]:
    """Rows and columns of a panel of streamed weights, `count` of which fit the room."""
    room = op.attributes.get(ROOM_ATTR)
    free = room.value.data if isinstance(room, IntegerAttr) else budget.wmem
    most = free // count // item
    chosen = op.attributes.get(PANEL_ATTR)
    if isinstance(chosen, IntegerAttr) and chosen.value.data * k <= most:
        return min(n, chosen.value.data), k
    native = budget.machine.matrix
    if k <= most:
        rows = min(n, most // k)
        if rows >= n:
            return n, k
        if rows >= native.rows:
            cut = even(n, rows)
            return min(rows, -(-cut // native.rows) * native.rows), k
        if rows >= 1 and k <= native.columns:
            return rows, k
    rows = min(n, native.rows)
    columns = most // rows
    if columns >= native.columns:
        columns -= columns % native.columns
    if columns < 1:
        rows, columns = 1, most
    if columns < 1:
        raise CapacityError(
            f"{describe(op)}: the weight memory of {budget.machine.name} has no room for a panel "
            f"of its {n} x {k} weights ({free} bytes are free)",
        )
    return rows, min(k, columns)
