"""Recurrences of a loop while its iterations are timed: windows from turn to turn, as events of the dependence graph.

The latest of some results of a turn is an event of its own. It follows that of the turn before by the window
(``rnncc.simulator.window``), and what reads all of these results follows it. So chains of results pass through the
turns at the pace that the engines allow, in loops within loops as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnncc.simulator.events import Event, Latest, Write
from rnncc.simulator.rules import Rules
from rnncc.simulator.runs import Movement
from rnncc.simulator.shape import Shapes
from rnncc.simulator.structure import Loop
from rnncc.simulator.touching import Turn
from rnncc.simulator.turn_graph import graphs, record
from rnncc.simulator.walker import Walker
from rnncc.simulator.window import Window, windows

MAX_OPS = 128
"""Instructions of an iteration beyond which its windows are not worked out."""


@dataclass(frozen=True)
class Regular:
    """What holds in all regular iterations of a loop.

    Attributes:
        windows: where engines make the recurrence longer than its chains of results.
        openers: on a ``chain`` machine, instructions of an iteration that begin a pass in each of them.
        own: on a ``chain`` machine, for each instruction of an iteration its cycles from start to end at least in all
            of them.
        whole: the loops inside are walked whole, because windows count the instructions.
    """

    windows: Sequence[Window] = ()
    openers: frozenset[int] = frozenset()
    own: tuple[int, ...] = ()
    whole: bool = False


Known = dict[object, Regular]
"""What is known of loops by where their operands lie to one another."""


def regular(
    walker: Walker,
    loop: Loop,
    moves: Movement | None,
    shapes: Shapes,
    rules: Rules,
    known: Known,
) -> Regular:
    """What holds in a loop that is about to start; nothing when its iterations are too long.

    Args:
        walker: standing at the loop; left as it was.
        loop: the loop.
        moves: how its addresses move, where it is regular.
        shapes: the program on its machine.
        rules: of the machine.
        known: of earlier executions of loops; the loop is added.
    """
    turns = record(walker, loop, moves, shapes, MAX_OPS) if moves is not None else None
    if moves is None or turns is None:
        return Regular()
    key = _layout(turns, moves)
    if key not in known:
        found = graphs(turns, moves, rules)
        size = len(turns[0].ops)
        openers = [n for n in range(size) if all(graph.mates[size + n] == set() for graph in found)]
        own = [min(graph.own[size + n] for graph in found) for n in range(size)]
        held = windows(shapes.machine, found)
        known[key] = Regular(held, frozenset(openers), tuple(own), bool(held))
    return known[key]


def _layout(turns: Sequence[Turn], moves: Movement) -> object:
    """All that decides which operands of a loop touch: shifting a memory's addresses together changes nothing."""
    rows = [
        (number, row) for number, turn in enumerate(turns) for row in (*turn.reads, *turn.writes)
    ]
    lowest: dict[int, int] = {}
    for _, row in rows:
        lowest[row[2]] = min(row[3], lowest.get(row[2], row[3]))
    return (
        tuple(timed.number for timed in turns[0].ops),
        (moves.end - moves.start) // moves.period,
        tuple(sorted(moves.step.items())),
        tuple(
            (number, *row[:3], row[3] - lowest[row[2]], row[4] - lowest[row[2]], *row[5:])
            for number, row in rows
        ),
    )


@dataclass(eq=False)
class Recurrence:
    """The windows of one loop while it is walked.

    Args:
        moves: the loop's regular iterations.
        windows: what holds from each of them to the next.
    """

    moves: Movement
    windows: Sequence[Window]
    _seen: list[tuple[Event, Event, Sequence[Write]]] = field(default_factory=list)
    _kept: list[tuple[Event, Event, Sequence[Write]]] = field(default_factory=list)
    _before: dict[int, tuple[int, Event]] = field(default_factory=dict)

    def note(self, start: Event, end: Event, writes: Sequence[Write]) -> None:
        """The next instruction of the iteration."""
        self._seen.append((start, end, writes))

    def turned(
        self, index: int
    ) -> list[tuple[int, Event, Event | None, int, int, Sequence[Event]]]:
        """The iteration is over.

        Returns: for each window its number, the latest event of its results, the one of an iteration before, the
            cycles from that, the transfers of all results, and the results.
        """
        seen, self._seen = self._seen, []
        if not self.moves.start <= index < self.moves.end:
            self._before.clear()
            return []
        found = []
        for number, window in enumerate(self.windows):
            events = [
                seen[which // 2][1] if which % 2 else seen[which // 2][0] for which in window.events
            ]
            latest = max(events, key=lambda event: event.time)
            moved = 0
            for event in events:
                moved |= event.moved
            last, before = self._before.get(number, (0, None))
            cycles = self._cycles(window, last, index)
            found.append((number, latest, before, cycles, moved, events))
        self._kept = seen
        return found

    def _cycles(self, window: Window, last: int, index: int) -> int:
        """Cycles of the windows between two iterations."""
        period = len(window.cycles)
        whole, rest = divmod(index - last, period)
        at = last - self.moves.start
        return whole * sum(window.cycles) + sum(
            window.cycles[(at + more) % period] for more in range(rest)
        )

    def reached(self, index: int, number: int, event: Event) -> None:
        """The latest of a window's results in an iteration is known: what reads all of them will follow it."""
        window = self.windows[number]
        # In the first turn, passes may be shared with instructions before the loop.
        if index > self.moves.start:
            self._before[number] = (index, event)
        if all(which % 2 for which in window.events):
            latest = Latest(event, len(window.events))
            for which in window.events:
                for write in self._kept[which // 2][2]:
                    write.latest.append(latest)
