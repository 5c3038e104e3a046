"""Batching policies on a machine whose programs' step costs are known: an event simulation.

``pad`` and ``pack``: when the machine is free it takes the oldest requests that wait, at most `slots`, and runs
them to the end; nobody joins meanwhile. With ``pad`` all of them are answered when the longest is done; with
``pack`` the batch shrinks as sequences end, and each is answered at its own end. ``cellular`` (BatchMaker,
EuroSys 2018): requests join and leave between any two steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from rnncc.errors import InputError
from rnncc.serving.arrivals import Request
from rnncc.serving.costs import PolicyCosts

POLICIES = ("pad", "pack", "cellular")


@dataclass(frozen=True)
class Served:
    """What a policy did with a trace.

    Attributes:
        latencies: seconds from arrival to answer, in order of arrival.
        seconds: from the first arrival to the last answer.
        steps: machine steps, and how many rows they had in all.
    """

    policy: str
    latencies: list[float]
    seconds: float
    steps: int
    rows: int

    @property
    def throughput(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds if self.seconds else float("inf")


def serve(policy: str, requests: list[Request], costs: PolicyCosts, slots: int) -> Served:
    """Replay `requests` (sorted by arrival) under a policy with at most `slots` at a time.

    Raises:
        InputError: an unknown policy.
    """
    if policy not in POLICIES:
        raise InputError(f"unknown policy '{policy}' (policies: {', '.join(POLICIES)})")
    run: Callable[..., tuple[list[float], int, int]] = (
        _cellular if policy == "cellular" else _batches
    )
    ends, steps, rows = run(policy, requests, costs, slots)
    latencies = [end - r.arrival for end, r in zip(ends, requests, strict=True)]
    return Served(policy, latencies, max(ends) - requests[0].arrival, steps, rows)


def _batches(
    policy: str, requests: list[Request], costs: PolicyCosts, slots: int
) -> tuple[list[float], int, int]:
    ends = [0.0] * len(requests)
    now, first, steps, rows = 0.0, 0, 0, 0
    while first < len(requests):
        now = max(now, requests[first].arrival)
        last = first
        while last < len(requests) and last - first < slots and requests[last].arrival <= now:
            last += 1
        batch = sorted(range(first, last), key=lambda i: requests[i].length)
        program = costs.program(len(batch))
        now += program.start(len(batch))
        done = 0
        for position, i in enumerate(batch):
            active = len(batch) if policy == "pad" else len(batch) - position
            run = requests[i].length - done
            now += run * program.step(active)
            steps, rows, done = steps + run, rows + run * active, requests[i].length
            ends[i] = now
        if policy == "pad":
            for i in batch:
                ends[i] = now
        first = last
    return ends, steps, rows


def _cellular(
    policy: str, requests: list[Request], costs: PolicyCosts, slots: int
) -> tuple[list[float], int, int]:
    ends = [0.0] * len(requests)
    now, first, steps, rows = 0.0, 0, 0, 0
    program = costs.program(slots)
    # (number of the step after which it ends, request): the batch.
    running: list[tuple[int, int]] = []
    while first < len(requests) or running:
        if not running:
            now = max(now, requests[first].arrival)
        joined = 0
        while first < len(requests) and len(running) < slots and requests[first].arrival <= now:
            heapq.heappush(running, (steps + requests[first].length, first))
            first, joined = first + 1, joined + 1
        if joined:
            now += program.join(joined)
        cost = program.step(len(running))
        run = running[0][0] - steps
        if first < len(requests) and len(running) < slots and cost > 0:
            # As many steps as until somebody can join: the next arrival is seen at the end of its step.
            run = min(run, max(1, -int(-(requests[first].arrival - now) // cost)))
        now += run * cost
        steps, rows = steps + run, rows + run * len(running)
        while running and running[0][0] <= steps:
            ends[heapq.heappop(running)[1]] = now
    return ends, steps, rows
