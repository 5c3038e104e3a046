"""When the passes of a ``chain`` vector engine can begin that a turn's instructions are in.

Passes follow one another in the order in which they are dispatched. So the pass of an instruction begins no earlier
than any instruction ended which it depends on and which cannot be in the same pass; and no earlier than the instruction
itself, or the one that begins the pass instead. In turn, each instruction of a pass ends no earlier than the pass
has taken its cycles. An instruction that needs several products starts when the array, which makes one at a time, has
made all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnncc.simulator.occupancy import NEVER, Job, one_machine
from rnncc.simulator.rules import MATRIX, VECTOR
from rnncc.simulator.turn_graph import Graph


def pass_begins(
    graph: Graph, events: Sequence[int], heads: list[int], tails: Sequence[int]
) -> list[int]:
    """Of each vector instruction, when its pass can begin at the earliest; ``NEVER`` when nothing is known.

    A pass that an instruction joins late is held up: it counts as begun so much later, because what matters is its end.

    Args:
        graph: the dependences, on a machine with a vector engine of kind ``chain``.
        events: where time begins: the latest of them.
        heads: when each event can be at the earliest, by paths from all of ``events``; made later where passes ask
            for it.
        tails: from each event to what is asked for; instructions from which nothing leads there are left out.
    """
    vector = [timed.engine == VECTOR for timed in graph.ops]
    sources = {event // 2 for event in events}
    ended = set(events)
    after = all(vector[number] for number in sources) and all(event % 2 for event in events)
    begins = [NEVER] * len(graph.ops)
    own = list(graph.own)
    shared = [0] * len(graph.ops)
    """Vector instructions that may be before each in its pass, one bit each."""
    known = sum(1 << n for n, one in enumerate(vector) if one and heads[2 * n + 1] > NEVER)
    """Those whose end is known, one bit each."""
    for number, timed in enumerate(graph.ops):
        start, end = 2 * number, 2 * number + 1
        if tails[start] == NEVER:
            continue
        mates = graph.mates[number]
        if heads[start] > NEVER:
            heads[start] = max(heads[start], _latest(graph, start, heads))
            if vector[number]:
                heads[start] = max(heads[start], _multiplied(graph, start, heads))
        if vector[number]:
            if mates and heads[start] >= 0:
                # What has ended before it starts is not there to go on from.
                mates = {other for other in mates if 2 * other + 1 not in ended}
            if mates is None:
                shared[number] = graph.alike[number]
            else:
                before = [(graph.ops[other], own[other]) for other in mates]
                own[number] = graph.rules.own(timed, before)
            for other in mates or ():
                shared[number] |= shared[other] | 1 << other
        if heads[start] == NEVER:
            continue
        if vector[number]:
            begin = NEVER
            earlier = known & graph.needed[number] & (graph.apart[number] | ~shared[number])
            for other in _members(earlier):
                begin = max(begin, heads[2 * other + 1])
            if after and not any(shared[number] >> other & 1 for other in sources):
                # The latest of the events is the end of an earlier pass.
                begin = max(begin, 0)
            if mates is not None:
                begin = max(begin, min([heads[start], *(begins[other] for other in mates)]))
            # As late as that, or the pass is held up until then: it ends no earlier than if it had begun there.
            kept = own[number] - graph.through[number]
            begins[number] = max(begin, heads[start] + kept)
        late = begins[number] + graph.through[number] if begins[number] > NEVER else NEVER
        if heads[end] > NEVER:
            heads[end] = max(heads[end], _latest(graph, end, heads), late)
    return begins


def _latest(graph: Graph, event: int, heads: Sequence[int]) -> int:
    latest = NEVER
    for before, cycles in graph.into[event]:
        if heads[before] + cycles > latest and heads[before] > NEVER:
            latest = heads[before] + cycles
    return latest


def _multiplied(graph: Graph, event: int, heads: Sequence[int]) -> int:
    """When the array has made all products that lead to an event which takes one from it."""
    if not any(graph.ops[before // 2].engine == MATRIX for before, _ in graph.into[event]):
        return NEVER
    tails = graph.tails_to(event)
    jobs = []
    for number in graph.products:
        head, tail = heads[2 * number], tails[2 * number]
        if head > NEVER and tail > NEVER:
            cost = graph.ops[number].cost
            # The first weights may come while the product before streams.
            jobs.append(Job(head + cost.load, cost.busy - cost.load, tail - cost.busy))
    return one_machine(jobs) if len(jobs) > 1 else NEVER


def _members(bits: int) -> Iterator[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low
