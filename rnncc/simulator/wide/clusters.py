"""Why the iterations of a loop do not depend on one another.

Operands whose bytes may meet, in whatever iterations, are one *cluster*. The iterations are independent when each
cluster is one of these:

* ``read``: nothing writes it.
* ``stream``: all its operands move on by the same step, and what one iteration touches is no longer than the step.
* ``private``: every iteration writes what it reads before it reads it, at the same places relative to one address
  (a buffer, or one of two that take turns): each iteration can have a buffer of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from rnncc.simulator.wide.accesses import Access
from rnncc.simulator.wide.forms import Stays

MAX_SLOTS = 4
"""Buffers that may take turns."""
MAX_HULL = 4 << 20
"""Bytes of a private buffer."""


@dataclass(eq=False)
class Cluster:
    """Operands of one area with the same outer registers, in program order."""

    accesses: list[Access]

    @cached_property
    def kind(self) -> str:
        """``read``, ``stream`` or ``private``.

        Raises:
            Stays: none of them.
        """
        if not any(a.writes for a in self.accesses):
            return "read"
        steps = {a.step for a in self.accesses}
        if len(steps) == 1:
            (step,) = steps
            if step and self.hull[1] - self.hull[0] <= abs(step):
                return "stream"
        first = self.accesses[0]
        if any(((a.at - first.at) != a.at[0] - first.at[0]).any() for a in self.accesses):
            raise Stays(f"{first.area}: operands that meet move in different ways")
        if len(self.last) > MAX_SLOTS:
            raise Stays(f"{first.area}: more than {MAX_SLOTS} buffers take turns")
        self._written_first()
        return "private"

    @cached_property
    def hull(self) -> tuple[int, int]:
        """First and one past the last byte of iteration 0, without the terms."""
        return (
            min(int(a.at[0]) + a.low for a in self.accesses),
            max(int(a.at[0]) + a.high for a in self.accesses),
        )

    @property
    def pitch(self) -> int:
        """Bytes from the buffer of an iteration to the next one's: none between them, where elements allow it."""
        length = self.hull[1] - self.hull[0]
        widest = max(access.size for access in self.accesses)
        return -(-length // widest) * widest

    @cached_property
    def last(self) -> list[int]:
        """The last iteration at each address, in order: together they leave what all of them leave."""
        return sorted({int(at): turn for turn, at in enumerate(self.accesses[0].at)}.values())

    def _written_first(self) -> None:
        low, high = self.hull
        if high - low > MAX_HULL:
            raise Stays("a large buffer")
        done = np.zeros(high - low, bool)
        for _, group in _by_instruction(self.accesses):
            for access in group:
                if access.reads and not _bytes(done, low, access).all():
                    raise Stays(f"instruction {access.pc} may read what another iteration wrote")
            for access in group:
                if access.writes:
                    _bytes(done, low, access)[...] = True


def _by_instruction(found: Sequence[Access]) -> Iterator[tuple[int, list[Access]]]:
    groups: dict[int, list[Access]] = defaultdict(list)
    for access in found:
        groups[access.pc].append(access)
    yield from groups.items()


def _bytes(hull: np.ndarray, low: int, access: Access) -> np.ndarray:
    """The bytes of an operand in iteration 0, as a view of the hull's."""
    shape, strides = (*access.extents, access.size), (*access.operand.strides, 1)
    return np.ndarray(shape, bool, hull, int(access.at[0]) - low, strides)


def clusters(found: Sequence[Access]) -> dict[Access, Cluster]:
    """The cluster of each operand.

    Raises:
        Stays: two clusters may meet, or one of them is of no kind that makes iterations independent.
    """
    groups: dict[tuple, list[Access]] = defaultdict(list)
    for access in found:
        groups[access.area, access.terms].append(access)
    result = [cluster for group in groups.values() for cluster in _connected(group)]
    for a, b in combinations(result, 2):
        if _may_meet(a, b):
            raise Stays(f"{a.accesses[0].area}: operands may meet")
    for cluster in result:
        if cluster.kind == "read" and any(a.step is None for a in cluster.accesses):
            raise Stays("a read that does not move evenly")
    return {access: cluster for cluster in result for access in cluster.accesses}


def _connected(group: list[Access]) -> Iterator[Cluster]:
    order = sorted(group, key=lambda a: a.span)
    members, end = [order[0]], order[0].span[1]
    for access in order[1:]:
        if access.span[0] < end:
            members.append(access)
        else:
            yield _in_order(group, members)
            members = [access]
        end = max(end, access.span[1])
    yield _in_order(group, members)


def _in_order(group: list[Access], members: list[Access]) -> Cluster:
    return Cluster([access for access in group if access in members])


def _may_meet(a: Cluster, b: Cluster) -> bool:
    one, other = a.accesses[0], b.accesses[0]
    if one.area != other.area or one.terms == other.terms:
        return False
    if not any(access.writes for access in (*a.accesses, *b.accesses)):
        return False
    if one.ahead is None or other.ahead is None:
        return True
    (first, last), (begin, end) = (
        (
            min(access.span[0] for access in c.accesses) + ahead[0],
            max(access.span[1] for access in c.accesses) + ahead[1],
        )
        for c, ahead in ((a, one.ahead), (b, other.ahead))
    )
    return first < end and begin < last
