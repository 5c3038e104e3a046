"""The critical path of a program: the longest chain of results that need one another.

Every instruction starts as soon as what it reads is there: no dispatch, no queues, as many engines as wanted,
only reads after writes, and the cost functions' latencies. Of a long regular loop the first and last iterations
are looked at; if the longest chain then runs through a cycle of dependences that carries on from iteration to
iteration at addresses that move together, it exists in every iteration, and the iterations left out add their
share. What is not proved to repeat is left out: the result is never more than the true longest chain.

Where engines cannot follow a recurrence at the pace of its chain, the chain is looked for once more with each turn
taking what its engines need (``rnncc.simulator.recurrence``).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from rnncc.cost.bounds import Chains
from rnncc.simulator.dataflow import Dataflow, Event, Part
from rnncc.simulator.lengths import MAX_INSTRUCTIONS
from rnncc.simulator.recurrence import Regular
from rnncc.simulator.shape import Shapes
from rnncc.simulator.structure import Body
from rnncc.simulator.walker import Halt, Walker
from rnncc.simulator.whole_run import margins


def critical_path(
    shapes: Shapes,
    body: Body,
    registers: Mapping[int, int],
    trace: Sequence[int],
) -> int:
    """Cycles of the longest chain of dependent results, or fewer where repetition cannot be proved.

    Args:
        shapes: the program on its machine.
        body: its loop tree.
        registers: register -> value at the start.
        trace: what each ``s.read`` reads.
    """
    return chains(shapes, body, registers, trace).longest


def chains(
    shapes: Shapes,
    body: Body,
    registers: Mapping[int, int],
    trace: Sequence[int],
) -> Chains:
    """The chains of a program; arguments as for ``critical_path``."""
    with _no_collections():
        return _chains(shapes, body, registers, trace)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Without the search for cycles of objects: a graph's many events refer to earlier ones only, so there are none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _chains(
    shapes: Shapes, body: Body, registers: Mapping[int, int], trace: Sequence[int]
) -> Chains:

    def walk(*, arrivals: bool, known: Sequence[Regular] | None) -> Dataflow:
        flow = Dataflow(shapes.instructions, shapes, arrivals=arrivals, known=known)
        walker = Walker(shapes.instructions, dict(registers), trace, MAX_INSTRUCTIONS)
        walker.on_loop = flow.loop
        with suppress(Halt):
            walker.body(body, flow)
        return flow

    plain = walk(arrivals=False, known=None)
    longest, barriers = _longest(plain)
    turns, known = longest, plain.found
    if any(loop.windows for loop in known):
        turns, _ = _longest(walk(arrivals=False, known=known))
        if turns <= longest:
            # Chains that windows do not follow, over several turns, are longer.
            turns, known = longest, [replace(loop, windows=()) for loop in known]
    late = walk(arrivals=True, known=known)
    arrival, _ = _longest(late)
    return Chains(longest, arrival, turns, barriers * plain.rules.barrier, margins(late))


def _longest(flow: Dataflow) -> tuple[int, int]:
    """Cycles of the longest chain, and the barriers on it."""
    path: list[Event] = []
    event: Event | None = flow.last
    while event is not None:
        path.append(event)
        event = event.before
    path.reverse()
    repeats = [_repeated(path, part) for part in {e.part for e in path if e.part}]
    barriers = sum(event.crosses for event in path) + sum(crossed for _, crossed in repeats)
    return flow.last.time + sum(cycles for cycles, _ in repeats), barriers


def _repeated(path: list[Event], part: Part) -> tuple[int, int]:
    """Cycles and barriers that the skipped iterations of a loop add to a path through its first ones."""
    places = [place for place, event in enumerate(path) if event.part is part]
    after = places[-1] + 1
    if after < len(path) and not path[after].still:
        return 0, 0
    best = 0, 0
    seen: dict[tuple[int, int], list[int]] = {}
    # Backwards from where the path leaves the loop, as long as every dependence carries on.
    for place in reversed(places):
        event = path[place]
        for later in seen.get(event.name, ()):
            distance = path[later].index - event.index
            if distance > 0 and distance % part.movement.period == 0:
                times = part.skipped // distance
                crossed = sum(event.crosses for event in path[place + 1 : later + 1])
                cycles = path[later].time - event.time
                best = max(best, (times * cycles, times * crossed))
        seen.setdefault(event.name, []).append(place)
        if not event.moves or event.index < part.movement.start:
            break
    return best
