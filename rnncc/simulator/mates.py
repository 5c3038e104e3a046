"""Which instructions may come right before one in its pass through a ``chain`` vector engine.

An instruction goes on with a pass if it reads what the last one of the pass writes, before something else has
written there, and works on as many elements, in a unit. Only what certainly never happens is left out: an instruction
without mates begins a pass wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnncc.simulator.rules import Rules
from rnncc.simulator.runs import Movement
from rnncc.simulator.touching import Turn, last_to_cover, moved


class Mates:
    """The mates of a loop's vector instructions.

    Args:
        turns: a period of its iterations and one more.
        moves: how its addresses move.
        rules: of the machine.
    """

    def __init__(self, turns: Sequence[Turn], moves: Movement, rules: Rules):
        self.rules = rules
        self._reached: dict[tuple[int, int], set[int]] = {}
        """Of a reading (instruction, operand), the instructions whose writes may ever reach it."""
        if rules.chains:
            self._reach(turns, moves)

    def _reach(self, turns: Sequence[Turn], moves: Movement) -> None:
        periods = (moves.end - moves.start) // moves.period

        def hulls(which: str) -> np.ndarray:
            """(instruction, operand, memory, low, high) of all that a row touches in the whole loop."""
            bounds = []
            for turn in turns:
                rows = getattr(turn, which)
                array = np.array(rows).reshape(len(rows), -1)
                sweep = moved(turn, rows, moves.step) * periods
                array[:, 3] += np.minimum(sweep, 0)
                array[:, 4] += np.maximum(sweep, 0)
                bounds.append(array)
            low = np.min([array[:, 3] for array in bounds], axis=0)
            high = np.max([array[:, 4] for array in bounds], axis=0)
            return np.stack([*bounds[0][:, :3].T, low, high], axis=1)

        if not turns[0].writes or not turns[0].reads:
            return
        writes, reads = hulls("writes"), hulls("reads")
        near = (
            (writes[:, None, 2] == reads[:, 2])
            & (writes[:, None, 3] < reads[:, 4])
            & (reads[:, 3] < writes[:, None, 4])
        )
        ops = turns[0].ops
        for one, other in np.argwhere(near).tolist():
            producer, consumer = int(writes[one, 0]), int(reads[other, 0])
            if self.rules.may_join(ops[consumer], ops[producer]):
                site = (consumer, int(reads[other, 1]))
                self._reached.setdefault(site, set()).add(producer)

    def of(
        self,
        turn: Turn,
        pairs: Sequence[tuple[int, int]],
        earlier: Turn | None = None,
        across: Sequence[tuple[int, int]] = (),
    ) -> list[set[int] | None]:
        """The mates of each instruction of an iteration; None where there may be others than those known.

        Args:
            turn: the iteration.
            pairs: which of its writes its reads see: (write, read).
            earlier: the iteration before it, whose instructions are numbered before its own.
            across: which writes of that its reads see.
        """
        if not self.rules.chains:
            return [set()] * len(turn.ops)
        found: list[set[int] | None] = [set() for _ in turn.ops]
        base = len(turn.ops) if earlier is not None else 0
        for number, read in enumerate(turn.reads):
            possible = self._reached.get((read[0], read[1]))
            mates = found[read[0]]
            if not possible or mates is None:
                continue
            seen = [turn.writes[one] for one, other in pairs if other == number]
            last = last_to_cover(seen, read)
            mates.update(base + row[0] for row in seen if row[0] >= last and row[0] in possible)
            known = {row[0] for row in seen}
            if last < 0 and earlier is not None:
                seen = [earlier.writes[one] for one, other in across if other == number]
                last = last_to_cover(seen, read)
                mates.update(row[0] for row in seen if row[0] >= last and row[0] in possible)
                known |= {row[0] for row in seen}
            if last < 0 and possible - known:
                found[read[0]] = None
        return found
