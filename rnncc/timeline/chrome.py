"""A timeline in the Trace Event Format, which Perfetto and chrome://tracing open.

A process is the machine; a thread is an engine (each DMA channel one), with a second thread beside it for what its
instructions waited on. Times are microseconds of the machine's clock; cycles stand in each event's arguments.
Source: "Trace Event Format" (Google, catapult project): complete events ``X``, counters ``C``, metadata ``M``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from rnncc.simulator.recording import Event
from rnncc.simulator.shape import ENGINE_NAMES
from rnncc.timeline.record import Timeline

PROCESS = 1
CONTROL = 0
"""Thread of the dispatcher; the engines' follow."""

HAZARDS = ("raw", "war", "waw")
"""What an instruction may wait on once its engine is free; these waits of one engine never overlap."""


def write_trace(timeline: Timeline, stream: BinaryIO) -> None:
    """Write a timeline as JSON.

    Args:
        timeline: a recorded run.
        stream: open for writing bytes.
    """
    head = {"displayTimeUnit": "ns", "otherData": _facts(timeline)}
    stream.write(json.dumps(head)[:-1].encode() + b', "traceEvents": [\n')
    for number, event in enumerate(_events(timeline)):
        stream.write((b",\n" if number else b"") + json.dumps(event).encode())
    stream.write(b"\n]}\n")


def _facts(timeline: Timeline) -> dict[str, Any]:
    machine = timeline.program.machine
    return {
        "machine": machine.name,
        "clock_hz": machine.clock_hz,
        "cycles": timeline.cycles,
        "instructions": len(timeline.events),
        "lengths": timeline.lengths,
    }


def _events(timeline: Timeline) -> Iterator[dict[str, Any]]:
    machine = timeline.program.machine
    micro = 1e6 / machine.clock_hz
    rows = timeline.lane_names()
    threads = {(engine, lane): 1 + 2 * n for n, (engine, lane, _) in enumerate(rows)}
    yield _named("process_name", 0, f"{machine.name}: {machine.title}")
    names = [(CONTROL, "control")]
    for engine, lane, name in rows:
        thread = threads[engine, lane]
        names += [(thread, name), (thread + 1, f"{name}: waits")]
    for thread, name in names:
        yield _named("thread_name", thread, name)
        yield {"ph": "M", "name": "thread_sort_index", "pid": PROCESS, "tid": thread,
               "args": {"sort_index": thread}}  # fmt: skip
    for start, end, op in timeline.controls:
        yield _slice("wait for a scalar" if op == "sync" else op, CONTROL, start, end, micro)
    for event in timeline.events:
        thread = threads[event.timed.engine, event.lane]
        arguments = _arguments(timeline, event)
        name = timeline.program.instructions[event.timed.pc].mnemonic
        yield _slice(name, thread, event.start, event.ends, micro, arguments)
        for cause in HAZARDS:
            if cause in event.waits:
                since = event.start - event.waits[cause]
                yield _slice(cause, thread + 1, since, event.start, micro, {"pc": event.timed.pc})
    yield from _queues(timeline, micro)


def _arguments(timeline: Timeline, event: Event) -> dict[str, Any]:
    timed, work = event.timed, event.timed.work
    moved: dict[str, float] = {}
    for access in work.accesses:
        # An addition reads the same memory twice.
        for way in ("reads",) * access.reads + ("writes",) * access.writes:
            name = f"{way} {access.memory}"
            moved[name] = moved.get(name, 0) + access.nbytes
    return {
        "node": timeline.nodes[timed.pc],
        "pc": timed.pc,
        "text": timeline.texts[timed.pc],
        "extents": list(work.extents),
        "cycles": [event.start, event.ends],
        "sent": event.sent,
        "done": event.done,
        "macs": work.macs,
        "bytes": {name: round(nbytes) for name, nbytes in moved.items()},
        "waits": event.waits,
    }


def _slice(
    name: str, thread: int, start: int, end: int, micro: float, arguments: dict | None = None
) -> dict[str, Any]:
    event: dict[str, Any] = {"ph": "X", "pid": PROCESS, "tid": thread, "name": name,
                             "ts": start * micro, "dur": (end - start) * micro}  # fmt: skip
    return event | ({"args": arguments} if arguments else {})


def _named(kind: str, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": PROCESS, "tid": thread, "args": {"name": name}}


def _queues(timeline: Timeline, micro: float) -> Iterator[dict[str, Any]]:
    """How many instructions wait in each engine's queue, where that changes."""
    changes: dict[int, list[int]] = {}
    for event in timeline.events:
        changes.setdefault(event.sent, [0, 0, 0])[event.timed.engine] += 1
        changes.setdefault(event.start, [0, 0, 0])[event.timed.engine] -= 1
    depth = [0, 0, 0]
    for cycle in sorted(changes):
        depth = [a + b for a, b in zip(depth, changes[cycle], strict=True)]
        yield {"ph": "C", "pid": PROCESS, "name": "queue depth", "ts": cycle * micro,
               "args": dict(zip(ENGINE_NAMES, depth, strict=True))}  # fmt: skip
