"""What each engine must do in a whole run, between what leads to its work and what follows it.

Heads are the times of a dependence graph, tails the longest paths to its end. Of loops that are not walked whole, the
iterations walked count: each of them takes place, and those left out can only make tails longer.
"""

from __future__ import annotations

from collections import defaultdict

from rnncc.cost.bounds import Margins
from rnncc.simulator.dataflow import Dataflow
from rnncc.simulator.occupancy import Job, one_machine
from rnncc.simulator.rules import DMA, MATRIX, VECTOR


def margins(flow: Dataflow) -> Margins:
    """What lies before and behind the work of the engines.

    Args:
        flow: a graph that was walked.
    """
    for event in reversed(flow.events):
        rest = event.rest
        for before, cycles in event.after:
            before.rest = max(before.rest, rest + cycles)
    jobs: dict[int, list[Job]] = defaultdict(list)
    ends: list[int] = []
    for timed, start, end in flow.issued:
        cost = timed.cost
        # A transfer takes the data path last; the first weights may come while the product before streams.
        before = cost.busy - cost.shared if timed.engine == DMA else cost.load
        job = Job(start.time + before, cost.busy - before, start.rest - cost.busy)
        jobs[timed.lane].append(job)
        if timed.engine == VECTOR:
            ends.append(end.rest)
    transfers = [one_machine(work) for lane, work in jobs.items() if lane not in (MATRIX, VECTOR)]
    chain = flow.rules.chains
    engines = [one_machine(jobs[MATRIX]), 0 if chain else one_machine(jobs[VECTOR])]
    behind = min(ends, default=0) if chain else _behind(jobs[VECTOR])
    return Margins(
        transfers=max(transfers, default=0),
        engines=max(*engines, 0),
        matrix=_ahead(jobs[MATRIX]) + _behind(jobs[MATRIX]),
        vector=_ahead(jobs[VECTOR]) + behind,
    )


def _ahead(jobs: list[Job]) -> int:
    """Cycles before the first work of an engine: it takes its instructions in order."""
    return min((job.head for job in jobs), default=0)


def _behind(jobs: list[Job]) -> int:
    """Cycles behind its last."""
    return max(min((job.tail for job in jobs), default=0), 0)
