"""The number of a step, as addresses and registers see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Index, Ref


@dataclass(frozen=True)
class Turn:
    """Step ``base + index * factor + offset`` of a scan of `count` steps.

    Attributes:
        count: the number of steps of the whole scan.
        index: index of the loop around, None in straight code.
        factor: steps a turn of that loop.
        offset: step within the turn.
        base: steps done before the loop.
    """

    count: Dim
    index: SSAValue | None = None
    factor: int = 1
    offset: int = 0
    base: Index = 0

    def number(self, low: Lowering) -> Index:
        """The number, as a register where it is not known."""
        number: Index = self.offset
        if self.index is not None:
            turns = low.scalar("mul", self.index, self.factor)
            number = low.scalar("add", turns, self.offset)
        return low.scalar("add", number, self.base)

    def row(self, low: Lowering, ref: Ref, reverse: bool) -> Ref:
        """The row of a sequence at this step, or at as many steps before its actual end."""
        if not reverse:
            step = self._moved(ref.at(0, self.offset), ref.strides[0])
        elif self.count.reg is None:
            last = self.count.size - 1 - self.offset
            step = self._moved(ref.at(0, last), -ref.strides[0])
        else:
            last = low.scalar("sub", low.extent(self.count), 1)
            step = ref.at(0, low.scalar("sub", last, self.number(low)))
        return replace(step, level=low.depth)

    def _moved(self, row: Ref, stride: int) -> Ref:
        row = row.moved(self.base, stride)
        return row if self.index is None else row.moved(self.index, stride * self.factor)
