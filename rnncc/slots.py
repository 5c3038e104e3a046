"""Cellular batching on the host: which request runs in which slot, and where its steps are in the program's inputs.

Requests start in the order in which they come, each in the slot that is free first, at the step after the one
before it has ended there. Slots are numbered by how long they run, the longest first, so that the program's
steps can shrink when slots have nothing left to do (``passes/batch_sequences.py``).

Source: cellular batching, BatchMaker, Gao et al., EuroSys 2018.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncc.program.batch import Batch


@dataclass(frozen=True)
class Plan:
    """Where requests run.

    Attributes:
        lengths: steps of each request, [requests].
        starts, slots: the step at which each starts, and its slot.
        ends: the number of steps of each slot, descending.
    """

    lengths: np.ndarray
    starts: np.ndarray
    slots: np.ndarray
    ends: np.ndarray

    @property
    def steps(self) -> int:
        """The steps that the machine runs."""
        return int(self.ends.max(initial=0))


def plan(lengths: np.ndarray, size: int) -> Plan:
    """Give each request a slot.

    Args:
        lengths: steps of each request, at least 1, in the order of the queue.
        size: the number of slots.
    """
    free = [(0, slot) for slot in range(size)]
    starts = np.zeros(len(lengths), np.int64)
    slots = np.zeros(len(lengths), np.int64)
    for request, length in enumerate(lengths):
        starts[request], slots[request] = heapq.heappop(free)
        heapq.heappush(free, (int(starts[request] + length), int(slots[request])))
    ends = np.zeros(size, np.int64)
    for end, slot in free:
        ends[slot] = end
    order = np.argsort(-ends, kind="stable")
    return Plan(np.asarray(lengths, np.int64), starts, np.argsort(order)[slots], ends[order])


def laid_out(
    batch: Batch, plan: Plan, arrays: Mapping[str, np.ndarray], steps: int
) -> dict[str, np.ndarray]:
    """The program's inputs: rows of slots for what has a time, rows of requests for the rest.

    Args:
        batch: of the program.
        plan: for these requests.
        arrays: the caller's inputs but for the lengths; time axes as long as the longest request or longer.
        steps: extent of the time axes that are made.
    """
    made = {
        name: _slots_of(array, plan, batch.inputs[name], batch.times[name], steps)
        if name in batch.times
        else _filled(array, batch.inputs[name], batch.requests)
        for name, array in arrays.items()
    }
    for role, name in batch.roles.items():
        made[name] = _role(role, plan, steps, batch.requests)
    return made


def gathered(
    batch: Batch, plan: Plan, arrays: Mapping[str, np.ndarray], longest: int
) -> dict[str, np.ndarray]:
    """The caller's outputs: a row for each request; zero behind its last step.

    Args:
        longest: extent of the time axes that are made.
    """
    made = {}
    for name, array in arrays.items():
        rows = batch.outputs[name]
        if name not in batch.output_times:
            made[name] = np.take(array, range(len(plan.lengths)), axis=rows)
            continue
        time = batch.output_times[name]
        source = np.moveaxis(array, (time, rows), (0, 1))
        out = np.zeros((longest, len(plan.lengths), *source.shape[2:]), array.dtype)
        for request, (n, start, slot) in enumerate(_each(plan)):
            out[:n, request] = source[start : start + n, slot]
        made[name] = np.moveaxis(out, (0, 1), (time, rows))
    return made


def _each(plan: Plan) -> zip:
    """Length, first step and slot of each request."""
    return zip(plan.lengths, plan.starts, plan.slots, strict=True)


def _slots_of(array: np.ndarray, plan: Plan, rows: int, time: int, steps: int) -> np.ndarray:
    source = np.moveaxis(array, (time, rows), (0, 1))
    out = np.zeros((steps, len(plan.ends), *source.shape[2:]), array.dtype)
    for request, (n, start, slot) in enumerate(_each(plan)):
        out[start : start + n, slot] = source[:n, request]
    return np.ascontiguousarray(np.moveaxis(out, (0, 1), (time, rows)))


def _filled(array: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Rows of requests that do not come are zero."""
    margins = [(0, 0)] * array.ndim
    margins[axis] = (0, size - array.shape[axis])
    return np.pad(array, margins)


def _role(role: str, plan: Plan, steps: int, requests: int) -> np.ndarray:
    size = len(plan.ends)
    lasts = plan.starts + plan.lengths - 1
    if role == "lengths":
        return plan.ends.astype(np.int32)
    if role in ("finals", "heads"):
        places = (lasts if role == "finals" else plan.starts) * size + plan.slots
        return np.pad(places, (0, requests - len(places)))
    if role == "request":
        table = np.zeros((steps, size), np.int64)
        for request, (n, start, slot) in enumerate(_each(plan)):
            table[start : start + n, slot] = request
        return table
    marks = np.zeros((steps, size), np.bool_)
    marks[lasts if role == "last" else plan.starts, plan.slots] = True
    return marks
