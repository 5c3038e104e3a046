"""Moments of a dependence graph: starts and ends of instructions, and what they leave in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnncc.simulator.runs import Movement
from rnncc.simulator.shape import Timed


@dataclass(eq=False)
class Part:
    """The first iterations of a loop that was not walked whole.

    Attributes:
        movement: of its regular iterations.
        skipped: how many of them are left out.
        openers: on a ``chain`` machine, instructions of an iteration that begin a pass in each of them.
        own: on a ``chain`` machine, for each instruction of an iteration its cycles from start to end at least in all
            of them; none where this is not known.
    """

    movement: Movement
    skipped: int
    openers: frozenset[int]
    own: tuple[int, ...]


@dataclass(eq=False, slots=True)
class Event:
    """A moment of an instruction: its start or its end.

    Attributes:
        time: cycles.
        before: the event that decided the time.
        name: the same for the same event of another iteration: (instruction within the iteration, start or end).
        part: loop, when within its first iterations.
        index: iteration of that loop.
        moves: whether producer and consumer of a dependence on ``before`` move alike (True within one instruction).
        still: whether the producer does not move at all.
        moved: the transfers that it needs, directly or through others; one bit each.
        crosses: there is a barrier between ``before`` and it.
        after: (event, cycles) of all that it comes after.
        rest: cycles from it to the program's end, by the longest path (``rnncc.simulator.whole_run``).
    """

    time: int
    before: Event | None
    name: tuple[int, int]
    part: Part | None
    index: int
    moves: bool = True
    still: bool = True
    moved: int = 0
    crosses: bool = False
    after: tuple[tuple[Event, int], ...] = ()
    rest: int = 0


@dataclass(eq=False, slots=True)
class Write:
    """A result in memory: its bytes, the instruction that writes it, and when."""

    span: tuple[int, int, int, int]
    timed: Timed
    start: Event
    end: Event
    own: int
    """Cycles from the instruction's start to its end at least."""
    latest: list[Latest] = field(default_factory=list)
    """Moments of recurrences that it is part of."""


@dataclass(eq=False)
class Latest:
    """The latest of some results of a turn, which what reads all of them follows.

    Attributes:
        event: the moment.
        size: results.
    """

    event: Event
    size: int
