"""What the machine's interlocks make an instruction wait for, from the bytes that instructions touch."""

from __future__ import annotations

from dataclasses import dataclass

from rnncc.simulator.footprint import overlap
from rnncc.simulator.shape import ENGINE_IDS, MEMORY_IDS

MATRIX, WMEM = ENGINE_IDS["matrix"], MEMORY_IDS["wmem"]


@dataclass(frozen=True)
class Hazard:
    """`later` waits for `before`.

    Attributes:
        before, later: numbers in the order of the program.
        kind: ``stream`` (follows element by element), ``raw``, ``waw``, ``war``, ``sums`` (only issued later).
        early: cycles of a product that only take weights, for which it need not wait.
        freed: cycles before its end from which `before` no longer needs what is overwritten.
        cross: one is a product and the other a vector instruction, and the later one reads what the other wrote.
        distance: turns of a loop between them.
    """

    before: int
    later: int
    kind: str
    early: int = 0
    freed: int = 0
    cross: bool = False
    distance: int = 0


def hazards(items):
    """The hazards among instructions of straight code, in program order."""
    found = []
    for j, later in enumerate(items):
        for i, before in enumerate(items[:j]):
            found += between(before, later, i, j)
    return found


def between(before, later, i, j, distance=0, *, renamed=False):
    """The hazards of one pair.

    Args:
        before, later: the instructions.
        i, j: their numbers.
        distance: turns between them.
        renamed: whether what is overwritten has a copy elsewhere, so that only reads of what was written wait.
    """
    found = []
    cross = before.timed.engine != later.timed.engine and 0 not in (
        before.timed.engine,
        later.timed.engine,
    )
    streamed = False
    for operand, span in later.spans():
        early = later.timed.cost.load if operand.memory != WMEM else 0
        for other, written in before.spans():
            if operand.memory != other.memory or not overlap(written, span):
                continue
            if other.writes:
                sums = operand.accumulates and before.timed.engine == MATRIX and written == span
                if sums:
                    found.append(Hazard(i, j, "sums", distance=distance))
                    continue
                if operand.reads and later.timed.streams:
                    streamed = True
                    found.append(Hazard(i, j, "stream", cross=cross, distance=distance))
                elif operand.reads:
                    found.append(Hazard(i, j, "raw", early, cross=cross, distance=distance))
                elif operand.writes and not renamed:
                    found.append(Hazard(i, j, "waw", early, distance=distance))
            elif operand.writes and not renamed:
                freed = before.timed.cost.stream if other.memory == WMEM else 0
                found.append(Hazard(i, j, "war", early, freed, distance=distance))
    # A producer that it follows element by element is never overtaken.
    return [h for h in found if not (streamed and h.kind == "waw")]


def carried(turns):
    """The hazards of a turn with earlier turns, by distance, where every turn may have a copy of what it alone uses.

    What one turn writes and a later one reads is there once, as in the program: such a write waits for the readers of
    the turn before.

    Args:
        turns: some turns of one loop, all alike; the last one is looked at.
    """
    found, last = [], len(turns) - 1
    for j, later in enumerate(turns[last]):
        for operand, span in later.spans():
            if operand.reads and not _settled(turns[last][:j], operand.memory, span):
                found += _sources(turns, j, later, operand.memory, span)
    writers = {hazard.before for hazard in found}
    for j in writers:
        for i, before in enumerate(turns[last - 1]):
            found += [
                h for h in between(before, turns[last][j], i, j, 1) if h.kind in ("war", "waw")
            ]
    return found


def _settled(items, memory, span):
    """Whether one of the instructions writes all that is read."""
    return any(
        other.writes and other.memory == memory and _covers(written, span)
        for item in items
        for other, written in item.spans()
    )


def _covers(a, b):
    return a[0] <= b[0] and b[1] <= a[1] and (not a[2] or a == b)


def _sources(turns, j, later, memory, span):
    found, last = [], len(turns) - 1
    for distance in range(1, last + 1):
        turn = turns[last - distance]
        for i in reversed(range(len(turn))):
            for other, written in turn[i].spans():
                if other.writes and other.memory == memory and overlap(written, span):
                    pair = between(turn[i], later, i, j, distance, renamed=True)
                    found += [h for h in pair if h not in found]
                    if _covers(written, span):
                        return found
    return found
