"""Accesses to memory that later instructions may have to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncc.simulator.shape import Timed


class Live:
    """One access that later instructions may have to wait for; not changed once it is remembered.

    Attributes:
        pc, place: instruction and operand number, for recognising it an iteration later.
        engine: of the instruction.
        range: (low, high, pitch, width) in bytes of its memory.
        first: when its first elements are out (writes).
        done: when it is over.
    """

    __slots__ = ("done", "engine", "first", "pc", "place", "range")

    def __init__(
        self, timed: Timed, place: int, span: tuple[int, int, int, int], times: tuple[int, int]
    ):
        self.pc = timed.pc
        self.engine = timed.engine
        self.place = place
        self.range = span
        self.first, self.done = times

    def moved(self, nbytes: int, cycles: int) -> Live:
        """The same access so many bytes and cycles further."""
        new = Live.__new__(Live)
        new.pc, new.engine, new.place = self.pc, self.engine, self.place
        low, high, pitch, width = self.range
        new.range = (low + nbytes, high + nbytes, pitch, width)
        new.first, new.done = self.first + cycles, self.done + cycles
        return new


Lives = dict[tuple[tuple[int, int, int, int], int], Live]
"""Accesses of a memory by range and engine, oldest first."""


def remember(lives: Lives, live: Live) -> None:
    """Add an access that nobody else knows yet.

    What waits for it waits for an earlier access of the same bytes by the same engine too, and for nothing else: the
    later times of the two stand for both.
    """
    key = (live.range, live.engine)
    earlier = lives.pop(key, None)
    if earlier is not None:
        live.first = max(live.first, earlier.first)
        live.done = max(live.done, earlier.done)
    lives[key] = live


def unfinished(lives: Lives, now: int) -> Lives:
    """Those that are not over at a time."""
    return {key: live for key, live in lives.items() if live.done > now}


def reads_of(
    timed: Timed, addresses: tuple[int, ...]
) -> list[tuple[int, tuple[int, int, int, int], float]]:
    """What an instruction reads: memory, range, native bytes."""
    found = []
    for operand, address, access in zip(
        timed.operands, addresses, timed.work.accesses, strict=True
    ):
        low, high, pitch, width = operand.shape
        if operand.reads and low != high:
            span = (low + address, high + address, pitch, width)
            found.append((operand.memory, span, access.nbytes))
    return found
