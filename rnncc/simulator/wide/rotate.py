"""Loops that are one turn ahead of themselves: a pipelined loop whose later part uses what the turn before made.

Its instructions are the *early* ones and the *late* ones. Where late instructions may as well come first in a turn,
the loop is ``late(0); early(0); late(1); early(1); ... late(n-1); early(n-1)``. Bracketed anew, this is late(0), a
loop of ``early(j); late(j+1)``, whose turns are as independent as those of the loop that was pipelined, and
early(n-1). Nothing is reordered but what is shown not to meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnncc.simulator.wide.accesses import Access
from rnncc.simulator.wide.forms import Stays


@dataclass(frozen=True)
class Rotated:
    """A loop in three parts.

    Attributes:
        head: operands of the late instructions; their first iteration comes first.
        turns: operands of the loop of one iteration less, in the order of its body.
        tail: operands of the early instructions; their last iteration comes last.
    """

    head: list[Access]
    turns: list[Access]
    tail: list[Access]


def rotated(found: Sequence[Access]) -> Rotated:
    """The loop with its late instructions a turn later.

    Args:
        found: its operands, in program order.

    Raises:
        Stays: no instruction uses only what the turn before made, or the late ones cannot come first, or an operand
            may leave its area.
    """
    if not all(access.proved for access in found):
        raise Stays("operands that may leave their area")
    late = _late(found)
    head = [access for access in found if access.pc in late]
    tail = [access for access in found if access.pc not in late]
    if not head or not tail:
        raise Stays("no turn behind another")
    order = {access: place for place, access in enumerate(found)}
    for a in tail:
        for b in head:
            if order[a] < order[b] and (a.writes or b.writes) and _may_meet(a, b):
                raise Stays(f"instruction {b.pc} needs what is done before it")
    turns = [replace(access, at=access.at[:-1]) for access in tail]
    turns += [replace(access, at=access.at[1:]) for access in head]
    return Rotated(head, turns, tail)


def _late(found: Sequence[Access]) -> set[int]:
    """The instructions that read what the turn before wrote, and those that use what these write."""
    late: set[int] = set()
    for place, access in enumerate(found):
        if not access.reads:
            continue
        earlier = [w for w in found[:place] if w.writes and w.pc != access.pc]
        if any(_meet(access, w, 0).any() for w in earlier):
            continue
        later = (w for w in found if w.writes and w.pc != access.pc)
        if any(_meet(access, w, 1).all() for w in later):
            late.add(access.pc)
    for place, access in enumerate(found):
        made = (w for w in found[:place] if w.writes and w.pc in late and w.pc != access.pc)
        if access.reads and any(_meet(access, w, 0).any() for w in made):
            late.add(access.pc)
    return late


def _meet(access: Access, write: Access, distance: int) -> np.ndarray:
    """Whether an operand's bounds in iteration i + distance meet those of another in iteration i, for each i."""
    at, other = access.at[distance:], write.at[: len(write.at) - distance]
    if access.area != write.area or access.terms != write.terms:
        return np.zeros(len(at), bool)
    return (at + access.low < other + write.high) & (other + write.low < at + access.high)


def _may_meet(a: Access, b: Access) -> bool:
    """Whether two operands may share a byte in one iteration."""
    if a.area != b.area:
        return False
    if a.terms == b.terms:
        return bool(_meet(a, b, 0).any())
    if a.ahead is None or b.ahead is None:
        return True
    (first, last), (begin, end) = a.span, b.span
    return first + a.ahead[0] < end + b.ahead[1] and begin + b.ahead[0] < last + a.ahead[1]
