"""The machine as far as an order of issue needs it: when engines are free and operands there.

The model follows the simulator's clockwork: in-order dispatch into bounded queues, one
instruction at a time in each engine, consumers that chain on producers. Loops and branches keep
the dispatcher; transfers issued before a loop go on beside it, unless the loop itself moves data,
which queues behind them. On a ``chain`` vector engine an instruction joins the chain of the one
issued before it, or waits for its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rnncc.dialects import npu
from rnncc.machine.description import Control
from rnncc.passes._dependence import Node
from rnncc.passes._op_cost import OpCost


def edge(graph: Sequence[Node], costs: Sequence[OpCost], before: int, later: int) -> int:
    """Cycles from the start of a node to the useful start of one that depends on it.

    A consumer may follow its producer element by element, yet it is never done before it: what
    it would idle in its engine counts as a later start.
    """
    spent = costs[before]
    if not graph[later].preds[before]:
        # A break only has to be issued later.
        return 0 if isinstance(graph[later].op, npu.BreakOp) else spent.busy
    if spent.link is not None and costs[later].link is not None:
        # Of one chain, or after its end: the clock says which.
        return spent.first
    # What is inside a loop or branch, or read into a register, does not stream.
    streams = costs[later].engine != "control" and spent.engine != "control"
    return max(spent.first, spent.last - costs[later].busy) if streams else spent.last


class IssueClock:
    """Times of the nodes issued so far."""

    def __init__(self, graph: Sequence[Node], costs: Sequence[OpCost], control: Control):
        self.graph, self.costs = graph, costs
        self.dispatch = control.dispatch_cycles
        self.available = [0] * len(graph)
        self.free = {"dma": 0, "matrix": 0, "vector": 0, "control": 0}
        self.queues = {
            engine: deque([0] * control.queue_depth[engine], maxlen=control.queue_depth[engine])
            for engine in ("dma", "matrix", "vector")
        }
        self.clock = self.end = 0
        self.last = -1
        self.used: dict[str, int] = {}
        self.chain = 0
        """End of the chain whose last instruction is node ``last``."""

    @property
    def cycles(self) -> int:
        """When everything issued so far is done."""
        return max(self.end, self.clock)

    def sent(self, number: int) -> int:
        """When the dispatcher could send a node: its engine's queue must have room."""
        engine = self.costs[number].engine
        return self.clock if engine == "control" else max(self.clock, self.queues[engine][0])

    def start(self, number: int) -> int:
        """When a node could start if it was issued now."""
        spent = self.costs[number]
        free = self.free[spent.engine]
        if spent.link is not None:
            free = 0 if self.joins(number) else self.chain
        start = max(self.available[number], free, self.sent(number))
        return max(start, self.free["dma"]) if "dma" in spent.inside else start

    def joins(self, number: int) -> bool:
        """Whether a node would go on with the chain issued last."""
        link, last = self.costs[number].link, self.last
        if link is None or last < 0 or not self.graph[number].preds.get(last, False):
            return False
        before = self.costs[last].link
        same = before is not None and before.elements == link.elements
        return same and self.used.get(link.function, 0) < link.units

    def issue(self, chosen: int) -> None:
        """Issue a node and tell its successors when they can start."""
        spent, start = self.costs[chosen], self.start(chosen)
        free, done = start + spent.busy, start + spent.last
        if spent.link is not None:
            done = self._link(chosen, free, done)
        if spent.engine == "control":
            # The control engine is the dispatcher: while it waits, nothing is issued.
            self.clock = free
        else:
            self.clock = self.sent(chosen) + self.dispatch
            self.queues[spent.engine].append(start)
        for engine in (spent.engine, *spent.inside):
            self.free[engine] = max(self.free[engine], free)
        self.end = max(self.end, done)
        for later in self.graph[chosen].succs:
            after = start + edge(self.graph, self.costs, chosen, later)
            self.available[later] = max(self.available[later], after)

    def _link(self, chosen: int, free: int, done: int) -> int:
        """Account for an instruction of a chain; returns when it is done."""
        link = self.costs[chosen].link
        assert link is not None
        if self.joins(chosen):
            done = max(self.chain, free)
        else:
            self.used = {}
        self.used[link.function] = self.used.get(link.function, 0) + 1
        self.last, self.chain = chosen, done
        return done


def priorities(graph: Sequence[Node], costs: Sequence[OpCost]) -> list[int]:
    """Cycles of the longest path from each node to the end of the block."""
    length = [0] * len(graph)
    for node in reversed(graph):
        spent = costs[node.number]
        best = spent.last
        for later in node.succs:
            best = max(best, edge(graph, costs, node.number, later) + length[later])
        length[node.number] = best
    return length


def backward(graph: Sequence[Node], costs: Sequence[OpCost]) -> list[int]:
    """Cycles from each node's start to the end in a schedule made from the end backward."""
    length = [0] * len(graph)
    depth = [0] * len(graph)
    for node in graph:
        for before in node.preds:
            depth[node.number] = max(depth[node.number], depth[before] + costs[before].busy)
    waiting = [len(node.succs) for node in graph]
    need = [costs[node.number].last - costs[node.number].busy for node in graph]
    ready = [n for n, count in enumerate(waiting) if count == 0]
    free = {"dma": 0, "matrix": 0, "vector": 0, "control": 0}
    while ready:
        start, _, last = min((max(need[n], free[costs[n].engine]), -depth[n], -n) for n in ready)
        number = -last
        ready.remove(number)
        spent = costs[number]
        length[number] = start + spent.busy
        free[spent.engine] = length[number]
        for before in graph[number].preds:
            distance = length[number] + edge(graph, costs, before, number)
            need[before] = max(need[before], distance - costs[before].busy)
            waiting[before] -= 1
            if waiting[before] == 0:
                ready.append(before)
    return length
