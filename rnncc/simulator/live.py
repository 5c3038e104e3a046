"""Accesses to memory that later instructions may have to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncc.simulator.shape import Timed


class Live:
    """One access that later instructions may have to wait for.

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
