"""How full an on-chip memory is over a run: bytes that were written and will still be read."""

from __future__ import annotations

import numpy as np

from rnncc.program import Program
from rnncc.simulator.footprint import footprints
from rnncc.simulator.shape import MEMORY_IDS
from rnncc.timeline.record import Timeline


def occupancy(timeline: Timeline, memory: str) -> tuple[np.ndarray, np.ndarray]:
    """Live bytes of a memory over time.

    A byte is live from the start of the instruction that writes it to the end of the last one that reads it before it
    is written anew; strided operands count whole, from their first byte to their last. What the program's setup has
    loaded is live all the time.

    Args:
        timeline: a recorded run.
        memory: ``wmem`` or ``vmem``.

    Returns: cycles at which the number changes, rising from 0, and the number from there on in native bytes
        (int64 and float64 of one length).
    """
    spans = _spans(timeline, MEMORY_IDS[memory])
    stays = setup_spans(timeline.program, memory)
    known = [*stays, *((low, high) for _, _, low, high in spans)]
    edges = np.unique([0, *(edge for pair in known for edge in pair)])
    width = np.diff(edges) / timeline.program.scale.get(memory, 1)
    begun = np.full(len(width), -1)
    read = np.full(len(width), -1)
    changes: dict[int, float] = {0: 0.0}
    for pair in stays:
        part = slice(*np.searchsorted(edges, pair))
        begun[part], read[part] = 0, timeline.cycles

    def close(part: slice, chosen: np.ndarray, latest: int) -> None:
        # What is written over in place has its last reader still at work: the byte counts once.
        ends = np.minimum(read[part][chosen], latest)
        for start, end, nbytes in zip(begun[part][chosen], ends, width[part][chosen], strict=True):
            changes[int(start)] = changes.get(int(start), 0.0) + nbytes
            changes[int(end)] = changes.get(int(end), 0.0) - nbytes

    for number, writes, low, high in spans:
        event = timeline.events[number]
        part = slice(*np.searchsorted(edges, (low, high)))
        if not writes:
            live = begun[part] >= 0
            read[part][live] = np.maximum(read[part][live], event.ends)
            continue
        # What nobody has read yet goes on: several instructions may fill one buffer.
        over = read[part] >= 0
        close(part, over, event.start)
        begun[part][over | (begun[part] < 0)] = event.start
        read[part][over] = -1
    close(slice(None), read >= 0, timeline.cycles)
    cycles = np.array(sorted(changes))
    return cycles, np.cumsum([changes[int(cycle)] for cycle in cycles]).clip(0)


def setup_spans(program: Program, memory: str) -> list[tuple[int, int]]:
    """First byte and end of what the program's setup loads into a memory."""
    found = []
    for instruction in program.instructions[: program.setup]:
        target = instruction.operands[0]
        if target.memory == memory:
            e0, e1, e2 = (extent.value for extent in instruction.extents)
            low, high, _, _ = footprints(instruction, (e0, e1, e2))[0]
            found.append((target.base + low, target.base + high))
    return found


def _spans(timeline: Timeline, memory: int) -> list[tuple[int, bool, int, int]]:
    """(event, writes, first byte, end) of every access to a memory; of one event reads come first."""
    spans = []
    for number, event in enumerate(timeline.events):
        own = []
        for operand, address in zip(event.timed.operands, event.addresses, strict=True):
            low, high = operand.shape[:2]
            if operand.memory == memory and high > low:
                own.append((number, operand.writes, low + address, high + address))
        spans += sorted(own, key=lambda span: span[1])
    return spans
