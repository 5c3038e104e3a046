"""A recorded run is the run that was counted, and what is made of its record adds up."""

import io
import itertools
import json
from collections import defaultdict

import numpy as np
import pytest

from rnncc.errors import SimulationError
from rnncc.simulator.clockwork import STALLS
from rnncc.timeline import record
from rnncc.timeline.chrome import write_trace
from rnncc.timeline.occupancy import _spans, occupancy, setup_spans
from rnncc.timeline.summary import by_instruction, by_node, by_phase


@pytest.fixture(params=["program", "streamed", "chained"], scope="module")
def timeline(request):
    return record(request.getfixturevalue(request.param))


def test_the_record_is_the_counted_run(timeline):
    report = timeline.program.run(None, values=False).report.to_dict()
    assert timeline.cycles == report["cycles"]
    stalls = defaultdict(int)
    for event in timeline.events:
        assert event.sent <= event.start <= event.ends <= event.done
        for cause, cycles in event.waits.items():
            stalls[cause] += cycles
    assert {name: stalls[name] for name in STALLS if name != "sync"} == {
        name: n for name, n in report["counters"]["stalls"].items() if name != "sync"
    }
    for share in (by_phase(timeline), by_node(timeline), by_instruction(timeline)):
        assert sum(part.executed for part in share) == len(timeline.events)
        assert sum(part.macs for part in share) == report["counters"]["macs"]
        dram = report["counters"]["read"]["dram"] + report["counters"]["written"]["dram"]
        assert sum(part.dram for part in share) == pytest.approx(dram, abs=2)


def test_an_engine_does_one_thing_at_a_time(timeline):
    ends = defaultdict(int)
    for event in timeline.events:
        row = event.timed.engine, event.lane
        assert event.start >= ends[row]
        ends[row] = event.ends


def test_a_run_too_long_to_record_is_refused(program):
    with pytest.raises(SimulationError, match="more than 5 instructions: too many to record"):
        record(program, limit=5)


def test_the_trace_is_what_viewers_read(timeline):
    stream = io.BytesIO()
    write_trace(timeline, stream)
    trace = json.loads(stream.getvalue())
    assert trace["otherData"]["cycles"] == timeline.cycles
    slices = defaultdict(list)
    for event in trace["traceEvents"]:
        assert event["ph"] in ("M", "X", "C")
        if event["ph"] == "X":
            slices[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    # Slices of one thread must nest or follow one another, or viewers drop them; ours follow.
    for rows in slices.values():
        rows.sort()
        assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(rows))
    named = [e["args"] for e in trace["traceEvents"] if "args" in e and "node" in e["args"]]
    assert len(named) == len(timeline.events)
    assert {"bytes", "waits", "text", "pc", "macs"} <= named[0].keys()
    moved = defaultdict(int)
    for arguments in named:
        for name, nbytes in arguments["bytes"].items():
            moved[name] += nbytes
    counters = timeline.program.run(None, values=False).report.to_dict()["counters"]
    for memory in ("dram", "vmem"):
        for way, name in (("read", "reads"), ("written", "writes")):
            assert moved[f"{name} {memory}"] == pytest.approx(counters[way][memory], rel=1e-3)
    depths = [e["args"] for e in trace["traceEvents"] if e["ph"] == "C"]
    limits = timeline.program.machine.control.queue_depth
    assert depths[-1] == {"dma": 0, "matrix": 0, "vector": 0}
    assert all(0 <= depth[name] <= limits[name] + 1 for depth in depths for name in depth)


@pytest.mark.parametrize("memory", ["wmem", "vmem"])
def test_occupancy_byte_by_byte(timeline, memory):
    """Against a slow count: every byte on its own, in a dictionary."""
    kind = {"wmem": 1, "vmem": 2}[memory]
    begun: dict[int, int] = {}
    read: dict[int, int] = {}
    changes: dict[int, int] = defaultdict(int)

    def close(byte, latest):
        if read.get(byte, -1) >= 0:
            changes[begun[byte]] += 1
            changes[min(read[byte], latest)] -= 1
            read[byte] = -1
            return True
        return False

    grain = 64  # one byte of so many stands for all: buffers are aligned
    for low, high in setup_spans(timeline.program, memory):
        for byte in range(-(-low // grain) * grain, high, grain):
            begun[byte], read[byte] = 0, timeline.cycles
    for number, writes, low, high in _spans(timeline, kind):
        event = timeline.events[number]
        for byte in range(-(-low // grain) * grain, high, grain):
            if not writes:
                if byte in begun:
                    read[byte] = max(read.get(byte, -1), event.ends)
            elif close(byte, event.start) or byte not in begun:
                begun[byte] = event.start
    for byte in list(begun):
        close(byte, timeline.cycles)
    _, live = occupancy(timeline, memory)
    scale = timeline.program.scale[memory]
    assert live.min() >= 0 and live[-1] == pytest.approx(0, abs=1e-6)
    slow = np.cumsum([changes[c] for c in sorted(changes)]) * grain / scale
    assert live.max() == pytest.approx(slow.max(), rel=0.02)
    assert live.max() <= timeline.program.memory[memory] / scale + 1e-6
