"""The dependences of a few consecutive iterations of a regular loop, as a graph that holds at every turn of it.

Two operands that touch the same bytes in one period of the loop and move alike touch them in every period: only such
dependences are arcs. An arc stays within an iteration or leads to the next one; older ones are left out, which can
only make bounds smaller. On a ``chain`` vector engine the graph also says which instructions may come right before
one in its pass; there what is not known counts as possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rnncc.simulator.apart import apart, needed
from rnncc.simulator.footprint import Extents
from rnncc.simulator.mates import Mates
from rnncc.simulator.occupancy import NEVER, pass_cost
from rnncc.simulator.rules import MATRIX, Rules
from rnncc.simulator.runs import Movement, Site
from rnncc.simulator.shape import Shapes
from rnncc.simulator.structure import Loop
from rnncc.simulator.touching import Turn, last_to_cover, touching
from rnncc.simulator.walker import Addresses, Walker


class Recorder:
    """A sink that keeps an iteration.

    Args:
        shapes: the program on its machine.
        limit: instructions beyond which the iteration is too large to look at.
    """

    def __init__(self, shapes: Shapes, limit: int):
        self.shapes = shapes
        self.limit = limit
        self.turn = Turn()
        self.whole = True

    def step(self, op: str) -> None:
        """Control costs nothing here."""

    def read(self, pc: int, address: int) -> None:
        """Scalars that are read hold up more than a graph of engines shows."""
        self.whole = False

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Keep an engine's instruction."""
        turn = self.turn
        if len(turn.ops) >= self.limit:
            self.whole = False
            return
        timed = self.shapes.of(pc, extents)
        for place, (operand, address) in enumerate(zip(timed.operands, addresses, strict=True)):
            low, high, pitch, width = operand.shape
            if low == high:
                continue
            row = (
                len(turn.ops),
                place,
                operand.memory,
                low + address,
                high + address,
                pitch,
                width,
            )
            if operand.reads:
                turn.reads.append(row)
            if operand.writes:
                turn.writes.append(row)
        turn.ops.append(timed)


def record(
    walker: Walker, loop: Loop, moves: Movement, shapes: Shapes, limit: int
) -> list[Turn] | None:
    """One period of a loop's regular iterations and the one after; None when they do not fit the graph.

    All iterations must execute the same instructions with the same extents. The walker is left as it was.
    """
    saved = (list(walker.registers), walker.reads, walker.budget, walker.on_loop)
    walker.on_loop = None
    turns: list[Turn] = []
    for index in range(moves.start, moves.start + moves.period + 1):
        recorder = Recorder(shapes, limit)
        if moves.states:
            registers, walker.reads = moves.states[index]
            walker.registers = list(registers)
        walker.iterate(loop, index, recorder)
        if not recorder.whole or (turns and recorder.turn.ops != turns[0].ops):
            turns = []
            break
        turns.append(recorder.turn)
    walker.registers, walker.reads, walker.budget, walker.on_loop = saved
    return turns or None


class Graph:
    """The events of two consecutive iterations and what leads from one to another.

    Instructions are numbered through both iterations; event 2 i is the start of instruction i, 2 i + 1 its end.

    Args:
        first, second: the iterations.
        step: bytes that each site moves in a period.
        rules: of the machine.
        mates: of the loop.

    Attributes:
        ops: instructions of both iterations.
        into: of each event, (event before, cycles) pairs.
        carried: events of the first iteration that the second one needs.
        mates: of each instruction, those that may come right before it in its pass; None when there may be others.
        rules: of the machine.
        needed: of each instruction, the vector instructions that it depends on, one bit each.
        alike: of each instruction, the vector instructions before it on equally many elements, one bit each.
        apart: of each instruction, those of ``needed`` that are in an earlier pass, because one pass does not take
            all that lies between the two.
        through: of each instruction, cycles of a pass that it begins.
        products: the instructions of the matrix engine.
        own: of each instruction, cycles from its start to its end at least (``Rules.own``).
    """

    def __init__(
        self, first: Turn, second: Turn, step: dict[Site, int], rules: Rules, mates: Mates
    ):
        size = len(first.ops)
        self.ops = [*first.ops, *second.ops]
        self.into: list[list[tuple[int, int]]] = [[] for _ in range(4 * size)]
        before, after = (touching(turn, turn, step, same=True) for turn in (first, second))
        across = touching(first, second, step, same=False)
        # What the iteration itself has written before is not read from the one before it.
        written: list[list[tuple[int, ...]]] = [[] for _ in second.reads]
        for write, read in after:
            written[read].append(second.writes[write])
        fresh = [
            last_to_cover(rows, read) < 0 for rows, read in zip(written, second.reads, strict=True)
        ]
        across = [(write, read) for write, read in across if fresh[read]]
        self.mates = [*mates.of(first, before), *mates.of(second, after, first, across)]
        carried: set[int] = set()
        for pairs, source, target, start, end in (
            (before, first, first, 0, 0),
            (after, second, second, size, size),
            (across, first, second, 0, size),
        ):
            for one, other in pairs:
                write, read = source.writes[one], target.reads[other]
                producer, consumer = source.ops[write[0]], target.ops[read[0]]
                arc = rules.arc(consumer, read[1], producer)
                event, later = 2 * (start + write[0]) + arc.ended, 2 * (end + read[0])
                self.into[later].append((event, arc.cycles))
                if arc.held:
                    joins = self.mates[end + read[0]] != set()
                    tail = 0 if joins and rules.chains else consumer.cost.tail
                    self.into[later + 1].append((event | 1, tail))
                if start != end:
                    carried.add(event)
        self.carried = sorted(carried)
        self.products = [n for n, timed in enumerate(self.ops) if timed.engine == MATRIX]
        self.rules = rules
        self.needed, self.alike, self.apart = [], [], []
        if rules.chains:
            self.needed = needed(self.ops, self.into)
            self.alike, self.apart = apart(rules, self.ops, self.needed)
        self.through = [pass_cost(rules.machine, timed) for timed in self.ops]
        self._heads: dict[int, list[int]] = {}
        self._tails: dict[int, list[int]] = {}
        self.own: list[int] = []
        for number, (timed, those) in enumerate(zip(self.ops, self.mates, strict=True)):
            before = None if those is None else [(self.ops[n], self.own[n]) for n in those]
            self.own.append(rules.own(timed, before))
            self.into[2 * number + 1].append((2 * number, self.own[number]))

    def heads_from(self, source: int) -> list[int]:
        """The longest path from an event to each event; worked out once."""
        if source not in self._heads:
            longest = self._heads[source] = [NEVER] * len(self.into)
            longest[source] = 0
            for event in range(source + 1, len(longest)):
                for before, cycles in self.into[event]:
                    if longest[before] > NEVER and longest[before] + cycles > longest[event]:
                        longest[event] = longest[before] + cycles
        return self._heads[source]

    def tails(self, targets: Sequence[int]) -> list[int]:
        """The longest path from each event to one of some others."""
        longest = [NEVER] * len(self.into)
        for target in targets:
            longest[target] = 0
        for event in range(max(targets), -1, -1):
            if longest[event] > NEVER:
                so_far = longest[event]
                for before, cycles in self.into[event]:
                    longest[before] = max(longest[before], so_far + cycles)
        return longest

    def tails_to(self, target: int) -> list[int]:
        """The longest path from each event to this one; worked out once."""
        if target not in self._tails:
            self._tails[target] = self.tails((target,))
        return self._tails[target]


def graphs(turns: Sequence[Turn], moves: Movement, rules: Rules) -> list[Graph]:
    """A graph for each iteration of the period and its next.

    Args:
        turns: a period and one iteration more.
        moves: how the loop's addresses move.
        rules: of the machine.
    """
    mates = Mates(turns, moves, rules)
    return [Graph(first, second, moves.step, rules, mates) for first, second in pairwise(turns)]
