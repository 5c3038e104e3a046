"""Weights that are used once share their part of the weight memory with those that stay behind them.

Where both do not fit side by side, what stays is put over what was multiplied, piece by piece: each transfer waits only
for the products of the pieces that it is put over, so that most of it arrives beside the products of the others. What
is used once lies at the end of the part, what stays at its beginning: pieces go in the order in which they are covered.
Source: double buffering (Goto and van de Geijn, 2008), of two matrices in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.ir import Block

from rnncc.dialects import nn
from rnncc.dialects._nn_base import ints
from rnncc.dialects._types import shape_of, type_of
from rnncc.passes._lower.attributes import SHARED_ATTR
from rnncc.passes._lower.budget import Budget, itembytes
from rnncc.passes._lower.panel_choice import Streamed
from rnncc.passes._lower.products import weights_of


@dataclass
class Matrix:
    """A weight matrix, the products that use it, and when it must be there."""

    size: int
    home: Block
    start: int
    end: int
    turns: int = 0
    products: list[nn.MatmulOp | nn.ConvOp] = field(default_factory=list)

    def meets(self, start: int, end: int) -> bool:
        """Whether it must be there at one of these positions."""
        return self.start <= end and start <= self.end


@dataclass(frozen=True)
class Sharing:
    """What is put over weights that are used once, and the room for both.

    Attributes:
        behind: what stays, all used first at one position.
        free: bytes of the weight memory that nothing else needs meanwhile.
        granule: bytes; each matrix begins at a multiple of it.
    """

    behind: list[Matrix]
    free: int
    granule: int

    @property
    def total(self) -> int:
        """Bytes of what stays, each matrix with what is lost behind it."""
        return sum(self._aligned(m.size) for m in self.behind)

    def _aligned(self, size: int) -> int:
        return size + -size % self.granule

    def mark(self, once: Matrix, streamed: Streamed, rows: int, load: list[int]) -> None:
        """Give all of them their places.

        Args:
            once: what is used once.
            streamed: the same.
            rows: of a piece of it.
            load: bytes of the weight memory that are taken, by position; the part is added.
        """
        item, k = streamed.item, streamed.k
        ring = self._aligned(-(-streamed.n // rows) * rows * streamed.row)
        size = min(self.free - self.free % self.granule, ring + self.total)
        if max(ring, self.total) > size:
            return
        _mark(once, size, size - ring, rows, item)
        first = 0
        for matrix in self.behind:
            depth = shape_of(matrix.products[0].operands[0])[-1]
            _mark(matrix, size, first, max(1, rows * k // depth), item)
            first += self._aligned(matrix.size)
        for i in range(once.start, max(m.end for m in self.behind) + 1):
            load[i] += size - sum(m.size for m in (once, *self.behind) if m.meets(i, i))


def sharing_of(
    once: Matrix,
    matrices: Sequence[Matrix],
    streamed: Sequence[Matrix],
    load: Sequence[int],
    budget: Budget,
) -> Sharing | None:
    """What may be put over weights that are used once; None where all fits, or nothing stays behind them.

    Args:
        once: the weights, resident, used by one product of the function.
        matrices: all that are resident.
        streamed: all others; their panels take what is free, where they meet.
        load: bytes of the weight memory that are taken, by position.
        budget: the memories.
    """
    machine = budget.machine
    if machine.memories.wmem.cache or machine.sync.kind == "bulk":
        # A cache has no places; between barriers nothing arrives beside a product.
        return None
    if any(SHARED_ATTR in op.attributes for m in matrices for op in m.products):
        # One such part in a function.
        return None
    later = [m for m in matrices if m.turns > 1 and m.start > once.end and _plain(m, once)]
    if not later:
        return None
    position = min(m.start for m in later)
    behind = [m for m in later if m.start == position]
    end = max(m.end for m in behind)
    if any(m.meets(once.start, end) for m in streamed):
        return None
    mine = [once, *behind]
    taken = max(
        load[i] - sum(m.size for m in mine if m.meets(i, i)) for i in range(once.start, end + 1)
    )
    item = itembytes(weights_of(once.products[0]))
    granule = max(item, machine.memories.wmem.granule * machine.scale(item)["wmem"])
    found = Sharing(behind, budget.wmem - taken, granule)
    if granule % item or once.size + found.total <= found.free or found.total > found.free:
        return None
    return found


def _plain(matrix: Matrix, once: Matrix) -> bool:
    """Whether it is a constant of two dimensions, of the same type."""
    value = weights_of(matrix.products[0])
    other = weights_of(once.products[0])
    return (
        all(isinstance(op, nn.MatmulOp) for op in matrix.products)
        and isinstance(value.owner, nn.ConstantOp)
        and all(d == 1 for d in shape_of(value)[:-2])
        and type_of(value).get_element_type() == type_of(other).get_element_type()
    )


def _mark(matrix: Matrix, size: int, first: int, rows: int, item: int) -> None:
    for op in matrix.products:
        op.attributes[SHARED_ATTR] = ints([size // item, first // item, rows])
