"""Where wide calls find their operands: in place, in a buffer of every iteration's own, or at a copy's source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import gcd, prod

import numpy as np

from rnncc.isa.instruction import Operand
from rnncc.machine.rounding import Scaled
from rnncc.simulator.calls import Argument
from rnncc.simulator.decode import Decoder
from rnncc.simulator.memory import ALIGNMENT, SCRATCH, SCRATCH_BYTES
from rnncc.simulator.wide.accesses import Access
from rnncc.simulator.wide.clusters import Cluster
from rnncc.simulator.wide.forms import Stays
from rnncc.simulator.wide.widen import Moving

MIN_COUNT = 4
"""Iterations from which on it pays."""
MAX_PARTS = 64
"""Parts that a loop is cut into at most."""
FIRST_VARIABLE = 32
"""Number of the first variable that is no register of the machine."""


class Buffers:
    """The operands of a loop.

    Args:
        decoder: binds instructions to memory.
        found: the operands of the loop, in the order of its body.
        cluster: the cluster of each operand.

    Attributes:
        items: the operands of each instruction.
        sums: variable -> the registers and factors that it is the sum of.
        private: the clusters of which every iteration has its own.
        parts: first iteration and number of iterations of each part.

    Raises:
        Stays: the buffers would be too large, or weights are no constants.
    """

    def __init__(self, decoder: Decoder, found: Sequence[Access], cluster: dict[Access, Cluster]):
        self.decoder = decoder
        self.count = len(found[0].at)
        self.cluster = cluster
        self.items: dict[int, list[Access]] = {}
        for access in found:
            self.items.setdefault(access.pc, []).append(access)
        self.sums: dict[int, tuple[tuple[int, int], ...]] = {}
        private = {id(c): c for c in cluster.values() if c.kind == "private"}
        self.private = list(private.values())
        self._copies = {id(c): self._load(c) for c in self.private}
        self._offset: dict[int, int] = {}
        self._kept: dict[int, np.ndarray | Scaled] = {}
        self.parts = list(self._parts())

    def copy_of(self, access: Access) -> list[Access] | None:
        """The copy, as [to, from], that wide calls do without: they read its source."""
        return self._copies.get(id(self.cluster[access]))

    def _load(self, cluster: Cluster) -> list[Access] | None:
        """The one copy, as [to, from], that fills a private buffer from what nothing writes: it needs no buffer."""
        writers = {a.pc for a in cluster.accesses if a.writes}
        group = self.items[next(iter(writers))]
        to = group[0]
        copied = len(writers) == 1 and to.item.op == "dma" and self.cluster[group[1]].kind == "read"
        if to.area == "wmem":
            if not copied or not group[1].area.startswith("segment"):
                raise Stays("a load of weights that change")
            return group
        same = all(
            e == 1 or s == t
            for e, s, t in zip(
                to.extents, to.operand.strides, group[-1].operand.strides, strict=True
            )
        )
        return group if copied and same else None

    def _parts(self) -> Iterator[tuple[int, int]]:
        """First iteration and number of iterations of each part; gives private buffers their places."""
        own = [c for c in self.private if self._copies[id(c)] is None]
        room = sum(cluster.pitch for cluster in own)
        # A call may need room for its result, too: in another type, or apart from its sources.
        results = (a for a in self.cluster if a.writes and a.area != "wmem")
        largest = max((prod(a.extents) * a.size for a in results), default=0)
        room = max(room, largest)
        most = min(self.count, (SCRATCH_BYTES - ALIGNMENT * len(own)) // max(room, 1))
        if most < MIN_COUNT or -(-self.count // most) > MAX_PARTS:
            raise Stays("large buffers")
        top = 0
        for cluster in own:
            if self.count - cluster.last[0] > most:
                raise Stays("a buffer that is not written at the end")
            self._offset[id(cluster)] = top
            top += -(-most * cluster.pitch // ALIGNMENT) * ALIGNMENT
        # The last part is a whole one: it holds what is copied back.
        rest = self.count % most
        for start, end in pairwise([0, *range(rest or most, self.count + 1, most)]):
            yield start, end - start

    def moving(self, access: Access, start: int) -> Moving:
        """Where a wide call finds an operand, from iteration `start` on."""
        cluster = self.cluster[access]
        if cluster.kind != "private":
            step = access.step
            assert step is not None
            return Moving(self.operand(access, int(access.at[start])), step)
        within = int(access.at[0])
        load = self._copies[id(cluster)]
        if load is None:
            return Moving(self.own(access, 0), cluster.pitch)
        to, source = load
        if access.area == "wmem":
            return Moving(access.operand, 0)
        moved = within - int(to.at[0])
        step = source.step
        assert step is not None
        operand = self.operand(source, int(source.at[start]) + moved)
        return Moving(replace(operand, strides=access.operand.strides), step)

    def own(self, access: Access, turn: int) -> Operand:
        """The operand in the buffer of an iteration, counted from the first of a part."""
        cluster = self.cluster[access]
        within = int(access.at[0]) - cluster.hull[0]
        base = self._offset[id(cluster)] + turn * cluster.pitch + within
        return Operand(SCRATCH, base, strides=access.operand.strides)

    def operand(self, access: Access, base: int) -> Operand:
        """The operand at ``base`` plus its terms."""
        return operand_at(access, base, self.sums)

    def matrix(self, access: Access, start: int, count: int) -> Argument:
        """The panels of some iterations as one matrix."""
        panels = self.panels(self.cluster[access], access)[start : start + count]
        if isinstance(panels, Scaled):
            return Argument(panels.joined())
        rows, (pitch, row, column) = panels.shape[1], panels.strides
        if pitch != rows * row:
            raise Stays("panels that do not follow one another")
        shape = (count * rows, panels.shape[2])
        return Argument(np.lib.stride_tricks.as_strided(panels, shape, (row, column)))

    def panels(self, cluster: Cluster, reader: Access | None = None) -> np.ndarray | Scaled:
        """What a load brings in each iteration [iteration, n, k], as products read it."""
        load = self._copies[id(cluster)]
        assert load is not None
        to, source = load
        if reader is not None and (
            to.extents[1:] != reader.extents[1:]
            or to.item.types[0] != reader.item.types[2]
            or int(to.at[0]) != int(reader.at[0])
        ):
            raise Stays("weights that are read in another form")
        if source.terms or to.terms:
            raise Stays("weights that depend on an outer loop")
        if to.pc not in self._kept:
            moving = Moving(self.operand(source, int(source.at[0])), source.step or 0)
            self._kept[to.pc] = self.decoder.panels(
                to.item, moving.operand, moving.step, self.count
            )
        return self._kept[to.pc]


def operand_at(access: Access, base: int, sums: dict[int, tuple[tuple[int, int], ...]]) -> Operand:
    """An operand at ``base`` plus its terms.

    Args:
        access: the operand.
        base: byte address.
        sums: variables that are sums of registers; may get one more.
    """
    if not access.limits[0] <= base < access.limits[1]:
        raise Stays("a base outside its area")
    operand, terms = access.operand, access.terms
    if not terms:
        return replace(operand, base=base, index=0, index_stride=0)
    unit = gcd(*(factor for _, factor in terms))
    if len(terms) == 1:
        ((register, unit),) = terms
    else:
        parts = tuple((r, factor // unit) for r, factor in terms)
        known = {value: key for key, value in sums.items()}
        register = known.get(parts, FIRST_VARIABLE + len(known))
        sums[register] = parts
    return replace(operand, base=base, index=register, index_stride=unit)
