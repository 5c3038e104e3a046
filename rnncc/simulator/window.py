"""How soon the next turn of a recurrence can follow, engines counted.

Results that a turn hands to the next one are the moments of the recurrence. Take some of them, X. What depends on all
of X of one turn, and is needed by some of X of the next, happens between the latest of X in the one turn and the
latest of X in the next. Heads and tails are longest paths from and to X; between them each engine needs its cycles for
all such work (``rnncc.simulator.occupancy``). The largest of these windows holds at every turn.

In the first turn, instructions before the loop may share passes with those of the loop: windows hold from the second
turn on. On a ``chain`` vector engine what counts is when the pass begins that an instruction is in
(``rnncc.simulator.pass_begins``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rnncc.machine.description import MachineDescription
from rnncc.simulator.occupancy import NEVER, Job, Link, one_machine, passes
from rnncc.simulator.pass_begins import pass_begins
from rnncc.simulator.rules import DMA, MATRIX, VECTOR
from rnncc.simulator.turn_graph import Graph

SPAN = 2
"""Cuts of a turn that a window may reach over, besides the one over all of it."""

MANY = 16
"""Sets of results that are looked at."""


@dataclass(frozen=True)
class Window:
    """A bound of a recurrence.

    Attributes:
        events: the results X, as events of an iteration: 2 i is the start of instruction i, 2 i + 1 its end.
        cycles: from an iteration to the next one, for each iteration of the loop's period.
    """

    events: tuple[int, ...]
    cycles: tuple[int, ...]


def windows(machine: MachineDescription, graphs: Sequence[Graph]) -> list[Window]:
    """The windows of a loop, if engines make one of them longer than the longest chain.

    Args:
        machine: the machine.
        graphs: of each iteration of the period and its next.
    """
    found, longer = [], False
    for events in _sets(graphs[0]):
        measured = [_window(machine, graph, events) for graph in graphs]
        longer = longer or any(longest > path for longest, path in measured)
        found.append(Window(events, tuple(longest for longest, _ in measured)))
    return found if longer else []


def _sets(graph: Graph) -> list[tuple[int, ...]]:
    """Sets of events of an iteration that some event of the next depends on, and that depend on themselves."""
    bits = {event: 1 << number for number, event in enumerate(graph.carried)}
    needs = [bits.get(event, 0) for event in range(len(graph.into))]
    for event, arcs in enumerate(graph.into):
        for before, _ in arcs:
            needs[event] |= needs[before]
    half = len(needs) // 2
    sets: dict[tuple[int, ...], None] = {}
    for need in sorted(set(needs[half:]), key=int.bit_count):
        # The end of an instruction stands for its start.
        chosen = tuple(
            e
            for e in graph.carried
            if need & bits[e] and not need & bits.get(e | 1, 0) * (1 - e % 2)
        )
        if need and any(needs[half + event] & need == need for event in chosen):
            sets[chosen] = None
    return list(sets)[:MANY]


def _window(machine: MachineDescription, graph: Graph, events: Sequence[int]) -> tuple[int, int]:
    """Cycles from the latest of some events to the latest of them in the next iteration: bound, and by paths alone."""
    half = len(graph.into) // 2
    targets = tuple(half + event for event in events)
    longest, path = between(machine, graph, events, targets)
    cuts = [tuple(events), *_cuts(graph, events, targets), targets]
    reached = [0]
    for number, cut in enumerate(cuts[1:], 1):
        steps = []
        for other in range(max(0, number - SPAN), number):
            cycles, _ = between(machine, graph, cuts[other], cut)
            steps.append(max(reached[other] + cycles, NEVER))
        reached.append(max(steps))
    return max(longest, reached[-1]), path


def _cuts(graph: Graph, events: Sequence[int], targets: Sequence[int]) -> list[tuple[int, ...]]:
    """Sets of results, one after another, that an engine waits for between the events of two turns.

    Of a loop whose turns are several steps of a recurrence, these are the states between the steps.
    """
    heads, tails = _heads(graph, events, max(targets)), graph.tails(targets)
    here = [head > NEVER and tail > NEVER for head, tail in zip(heads, tails, strict=True)]
    cuts: dict[tuple[int, ...], None] = {}
    for number, timed in enumerate(graph.ops):
        before = {
            event
            for event, _ in graph.into[2 * number]
            if event % 2 and here[event] and graph.ops[event // 2].engine != timed.engine
        }
        if here[2 * number] and before and not before & {*events, *targets}:
            cuts[tuple(sorted(before))] = None
    return sorted(cuts, key=max)[:MANY]


def between(
    machine: MachineDescription, graph: Graph, events: Sequence[int], targets: Sequence[int]
) -> tuple[int, int]:
    """Cycles from the latest of some events to the latest of some others: bound, and by paths alone.

    They are negative where a product takes its weights before its operands are there.
    """
    heads, tails = _heads(graph, events, max(targets)), graph.tails(targets)
    path = max(heads[event] for event in targets)
    if path == NEVER:
        return NEVER, NEVER
    links: list[Link] = []
    if machine.vector.kind == "chain":
        begins = pass_begins(graph, events, heads, tails)
        links = _links(graph, begins, tails)
    longest = max(heads[event] for event in targets)
    for jobs in _jobs(machine, graph, heads, tails):
        longest = max(longest, one_machine(jobs))
    longest = max(longest, _channels(machine, graph, heads, tails))
    longest = max(longest, passes(links, machine.vector))
    return longest, path


def _heads(graph: Graph, events: Sequence[int], last: int) -> list[int]:
    """The longest path from all of some events to each event, up to a last one."""
    from_each = [graph.heads_from(event)[: last + 1] for event in events]
    heads = list(map(min, *from_each)) if len(from_each) > 1 else from_each[0]
    return heads + [NEVER] * (len(graph.into) - last - 1)


def _within(graph: Graph, heads: Sequence[int], tails: Sequence[int], engine: int) -> list[int]:
    """Instructions of an engine between the events of two turns."""
    return [
        number
        for number, timed in enumerate(graph.ops)
        if timed.engine == engine and heads[2 * number] > NEVER and tails[2 * number] > NEVER
    ]


def _jobs(machine: MachineDescription, graph: Graph, heads: Sequence[int], tails: Sequence[int]):
    """The work of each engine that takes one instruction at a time."""
    engines = [MATRIX] if machine.vector.kind == "chain" else [MATRIX, VECTOR]
    for engine in engines:
        jobs = []
        for number in _within(graph, heads, tails, engine):
            cost = graph.ops[number].cost
            # The first weights may come while the product before streams.
            head, tail = heads[2 * number] + cost.load, tails[2 * number] - cost.busy
            jobs.append(Job(head, cost.busy - cost.load, tail))
        yield jobs
    lanes: dict[int, list[Job]] = {}
    for number in _within(graph, heads, tails, DMA):
        timed = graph.ops[number]
        cost = timed.cost
        head, tail = heads[2 * number] + cost.busy - cost.shared, tails[2 * number] - cost.busy
        lanes.setdefault(timed.lane, []).append(Job(head, cost.shared, tail))
    yield from lanes.values()


def _channels(
    machine: MachineDescription, graph: Graph, heads: Sequence[int], tails: Sequence[int]
) -> int:
    """Cycles that transfers need because each holds a channel."""
    lanes: dict[int, list[int]] = {}
    for number in _within(graph, heads, tails, DMA):
        lanes.setdefault(graph.ops[number].lane, []).append(number)
    longest = NEVER
    for numbers in lanes.values():
        busy = sum(graph.ops[n].cost.busy for n in numbers)
        head = min(heads[2 * n] for n in numbers)
        tail = min(tails[2 * n] - graph.ops[n].cost.busy for n in numbers)
        longest = max(longest, head + ceil(busy / machine.dma.channels) + tail)
    return longest


def _links(graph: Graph, begins: Sequence[int], tails: Sequence[int]) -> list[Link]:
    """The vector instructions between the events of two turns."""
    links = []
    for number, timed in enumerate(graph.ops):
        tail = tails[2 * number + 1]
        if timed.engine == VECTOR and begins[number] > NEVER and tail > NEVER:
            opens = graph.mates[number] == set()
            links.append(
                Link(
                    begins[number],
                    tail,
                    timed.work.elements,
                    timed.function,
                    graph.through[number],
                    opens,
                )
            )
    return links
