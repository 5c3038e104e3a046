"""The chain in flight on a vector engine of kind ``chain``.

Function units in series are connected to one chain of dependent instructions at a time: each instruction reads what
the one before it is writing, on as many elements, and finds a unit of its class that the chain does not use yet. The
whole chain is one pass; the next chain enters when the pass is over (Fowers et al., ISCA 2018). Once another engine has
written over a chain's result, nothing can go on from it.

An instruction that joins late, because its other operand is not there yet, holds up the whole pass for as long:
elements do not overtake one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnncc.cost.vector import IN_UNITS
from rnncc.machine.description import VectorEngine
from rnncc.simulator.footprint import overlap

if TYPE_CHECKING:
    from rnncc.simulator.live import Live
    from rnncc.simulator.shape import Timed


class Chain:
    """The chain that entered the engine last.

    Args:
        engine: the vector engine, of kind ``chain``.

    Attributes:
        done: when its last element has left.
        links: instructions in it.
    """

    def __init__(self, engine: VectorEngine):
        self.units = engine.units
        self.done = 0
        self.links = 0
        self._last: Live | None = None
        self._elements = 0
        self._used: dict[str, int] = {}

    def takes(self, timed: Timed, producers: Sequence[Live]) -> bool:
        """Whether an instruction joins the chain.

        Args:
            timed: the instruction.
            producers: writes in flight that it reads element by element.
        """
        return (
            any(live is self._last for live in producers)
            and timed.work.elements == self._elements
            and self._used.get(timed.function, self.units) < self.units
        )

    def held(self, start: int) -> int:
        """Cycles for which the pass stands still when what joins the chain starts later than it could follow."""
        assert self._last is not None
        return max(start - self._last.first, 0)

    def extend(self, timed: Timed, live: Live, done: int) -> None:
        """The instruction joined; ``live`` is what it writes."""
        self._used[timed.function] += 1
        self.links += 1
        self._last, self.done = live, done

    def begin(self, timed: Timed, live: Live, done: int) -> None:
        """The instruction starts a chain of its own; nothing joins what is outside the units."""
        self._used = dict.fromkeys(IN_UNITS, 0) if timed.function in IN_UNITS else {}
        if self._used:
            self._used[timed.function] = 1
        self.links = 1
        self._last, self._elements, self.done = live, timed.work.elements, done

    def advance(self, cycles: int, moved: dict[Live, Live]) -> None:
        """Shift the chain by cycles, to what has taken the place of its last write."""
        self.done += cycles
        if self._last is not None:
            self._last = moved.get(self._last, self._last)

    def overwritten(self, span: tuple[int, int, int, int]) -> None:
        """Another engine writes a range of vector memory."""
        if self._last is not None and overlap(self._last.range, span):
            self._last = None

    def state(self, now: int) -> tuple[object, ...]:
        """What later instructions can notice, relative to the clock."""
        if self.done <= now:
            return ()
        if self._last is None:
            return (self.done - now,)
        return (self.done - now, self._last.pc, self._elements, *self._used.values())
