"""The figures of the page as plain numbers, strings, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rnncc.cost.energy import ENERGY_PARTS
from rnncc.explain.explanation import Explanation
from rnncc.page.stages import Stage, difference
from rnncc.report import BOUND_NAMES, STALL_NAMES, Report
from rnncc.report_tables import ENERGY_NAMES
from rnncc.simulator.clockwork import STALLS
from rnncc.timeline import Timeline
from rnncc.timeline.occupancy import occupancy
from rnncc.timeline.summary import Share, by_instruction, by_node, by_phase

SHOWN = 60_000
"""Events that the page's timeline holds; all other figures count the whole run."""


def figures(
    report: Report, timeline: Timeline, stages: list[Stage], explanation: Explanation | None
) -> dict[str, Any]:
    """Everything that the page shows.

    Args:
        report: of the run.
        timeline: of the same run.
        stages: the IR after each pass, perhaps none.
        explanation: what each pass made of the cycles, perhaps not measured.
    """
    program, machine = timeline.program, timeline.program.machine
    rows = timeline.lane_names()
    return {
        "model": report.model,
        "machine": {
            "name": machine.name,
            "title": machine.title,
            "clock": machine.clock_hz,
            "macs_per_cycle": machine.peak_macs_per_cycle,
            "dram_bytes_per_cycle": machine.dram_bytes_per_cycle,
            "memories": {name: machine.memories[name].size for name in ("wmem", "vmem")},
        },
        "report": report.to_dict(),
        "names": {
            "bounds": BOUND_NAMES,
            "stalls": {n: STALL_NAMES.get(n, n) for n in STALLS},
            "energy": {n: ENERGY_NAMES.get(n, n) for n in ENERGY_PARTS},
        },
        "rows": [name for _, _, name in rows],
        "engines": [engine for engine, _, _ in rows],
        "events": _events(
            timeline, {(engine, lane): n for n, (engine, lane, _) in enumerate(rows)}
        ),
        "controls": _columns(timeline.controls[:SHOWN], 3),
        "instructions": _instructions(timeline),
        "nodes": [_share(share) | {"pcs": share.pcs} for share in by_node(timeline)],
        "phases": [_share(share) | {"pcs": share.pcs} for share in by_phase(timeline)],
        "occupancy": {name: _occupancy(timeline, name) for name in ("wmem", "vmem")},
        "allocated": {
            n: program.memory.get(n, 0) / program.scale.get(n, 1) for n in ("wmem", "vmem")
        },
        "stages": _stages(stages),
        "explain": explanation.to_dict() if explanation else None,
    }


def _columns(rows: Iterable[tuple], width: int) -> list[list]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]


def _events(timeline: Timeline, rows: dict[tuple[int, int], int]) -> dict[str, Any]:
    """The first events, a list a field (instruction, row, times); and their waits as [event, cause, cycles]."""
    shown = timeline.events[:SHOWN]
    fields = ("pc", "row", "sent", "start", "length", "done")
    columns = _columns(
        (
            (e.timed.pc, rows[e.timed.engine, e.lane], e.sent, e.start, e.ends - e.start, e.done)
            for e in shown
        ),
        len(fields),
    )
    waits = [
        [number, STALLS.index(cause), cycles]
        for number, event in enumerate(shown)
        for cause, cycles in event.waits.items()
    ]
    return dict(zip(fields, columns, strict=True)) | {
        "waits": waits,
        "causes": list(STALLS),
        "total": len(timeline.events),
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "name": share.name,
        "executed": share.executed,
        "busy": share.busy,
        "waits": share.waits,
        "macs": share.macs,
        "operations": share.operations,
        "dram": round(share.dram),
        "wmem": round(share.wmem),
        "start": max(share.start, 0),
        "cycles": share.cycles,
    }


def _instructions(timeline: Timeline) -> list[dict[str, Any]]:
    program, depth, rows = timeline.program, 0, []
    for pc, share in enumerate(by_instruction(timeline)):
        item = program.instructions[pc]
        depth -= item.op == "endloop"
        rows.append(
            {
                "text": share.name,
                "op": item.mnemonic,
                "node": timeline.nodes[pc],
                "depth": max(depth, 0),
                "executed": share.executed,
                "busy": sum(share.busy.values()),
                "waits": sum(share.waits.get(name, 0) for name in ("raw", "war", "waw")),
            }
        )
        depth += item.op == "loop"
    return rows


def _occupancy(timeline: Timeline, memory: str) -> list[list]:
    cycles, nbytes = occupancy(timeline, memory)
    return [cycles.tolist(), [round(value) for value in nbytes.tolist()]]


def _stages(stages: list[Stage]) -> list[dict[str, Any]]:
    result, before = [], None
    for stage in stages:
        result.append(
            {
                "name": stage.name,
                "operations": stage.operations,
                "remarks": stage.remarks,
                "lines": len(stage.lines),
                **_changes(before, stage),
            }
        )
        before = stage
    return result


def _changes(before: Stage | None, stage: Stage) -> dict[str, Any]:
    """The IR as blocks [tag, lines]: ``=`` unchanged, ``-`` only before, ``+`` only after."""
    if before is None:
        return {"added": len(stage.lines), "removed": 0, "blocks": [["=", stage.lines]]}
    blocks, added, removed = [], 0, 0
    for tag, i1, i2, j1, j2 in difference(before.lines, stage.lines):
        if tag == "equal":
            blocks.append(["=", stage.lines[j1:j2]])
            continue
        removed, added = removed + i2 - i1, added + j2 - j1
        blocks += [["-", before.lines[i1:i2]]] if i2 > i1 else []
        blocks += [["+", stage.lines[j1:j2]]] if j2 > j1 else []
    return {"added": added, "removed": removed, "blocks": blocks}
