"""Barriers of a bulk-synchronous machine as an order of issue sees them.

The rules of the simulator's supersteps, without the bytes that cross a barrier: an instruction of the matrix or vector
engine that reads what the other one wrote in the same superstep waits for all of both and for the barrier; so do
weights that are loaded behind the vector engine's work, and no load of weights is under way at a barrier. Hence order
decides how many barriers a turn has.
"""

from __future__ import annotations

from rnncc.machine import MachineDescription
from rnncc.passes._op_cost import OpCost

MEETING = frozenset({"matrix", "vector"})
"""Engines whose results pass from one to the other at barriers."""


def crosses(before: OpCost, later: OpCost) -> bool:
    """Whether a result of one operation that another one needs passes from engine to engine."""
    made = before.inside or {before.engine}
    return later.engine in MEETING and not MEETING.isdisjoint(made - {later.engine})


class SuperstepClock:
    """Where an order of issue stands in its supersteps.

    Args:
        machine: the machine; one that is not bulk-synchronous has a single superstep.

    Attributes:
        number: of the current superstep.
    """

    def __init__(self, machine: MachineDescription):
        self.bulk = machine.sync.kind == "bulk"
        self.cycles = machine.sync.cycles
        self.number = self._begin = self._end = 0
        self._wrote: set[str] = set()

    def earliest(self, spent: OpCost, crossing: bool) -> int:
        """When an operation could start, as far as barriers are concerned.

        Args:
            spent: its cost.
            crossing: it needs what the other engine wrote in this superstep.
        """
        if self._opens(spent, crossing):
            return max(self._begin, self._end) + self.cycles
        return self._begin

    def take(self, spent: OpCost, crossing: bool, done: int) -> None:
        """Issue an operation that is done at a time."""
        if self._opens(spent, crossing):
            self._begin = self.earliest(spent, crossing)
            self.number += 1
            self._wrote.clear()
        wrote = MEETING & (spent.inside or {spent.engine})
        self._wrote |= wrote
        if wrote or spent.weights:
            self._end = max(self._end, done)

    def _opens(self, spent: OpCost, crossing: bool) -> bool:
        return crossing or (spent.engine == "dma" and spent.weights and "vector" in self._wrote)
