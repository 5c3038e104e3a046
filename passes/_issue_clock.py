"""The machine as far as an order of issue needs it: when engines are free and operands there.

The engines are those of `_engine_clock`; here are the dependences between the operations of a block
and the priorities that follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnncc.machine import MachineDescription
from rnncc.passes._dependence import Node
from rnncc.passes._engine_clock import EngineClock
from rnncc.passes._op_cost import OpCost
from rnncc.passes._superstep_clock import crosses


def latency(before: OpCost, later: OpCost, needs: bool) -> int:
    """Cycles from the start of an operation to the useful start of one that depends on it.

    A consumer may follow its producer element by element, yet it is never done before it: what
    it would idle in its engine counts as a later start.

    Args:
        before: the earlier one's cost.
        later: the other's.
        needs: the later one needs what the earlier one wrote; else it overwrites what that one read.
    """
    # In its first cycles a product takes nothing but weights.
    lead = later.lead + (0 if before.weights else later.load)
    if not needs:
        if later.leaves:
            return 0  # a break only has to be issued later
        return before.busy - (before.stream if later.weights else 0) - lead
    if before.barrier and crosses(before, later):
        return before.last + before.barrier - later.lead
    if later.sums and before.engine == "matrix":
        return 0
    if before.link is not None and later.link is not None:
        return before.first  # of one chain, or after its end: the clock says which
    # What is inside a loop or branch, or read into a register, does not stream.
    streams = later.streams and later.engine != "control" and before.engine != "control"
    cycles = max(before.first, before.last - later.busy) if streams else before.last
    return cycles - lead


def edge(graph: Sequence[Node], costs: Sequence[OpCost], before: int, later: int) -> int:
    """`latency` of an edge of a block's graph."""
    return latency(costs[before], costs[later], graph[later].preds[before])


class IssueClock(EngineClock):
    """Times of the nodes issued so far."""

    def __init__(self, graph: Sequence[Node], costs: Sequence[OpCost], machine: MachineDescription):
        super().__init__(machine)
        self.graph, self.costs = graph, costs
        self.available = [0] * len(graph)
        self.linked = -1
        """The last node that is an instruction of a chain."""
        self.steps = [-1] * len(graph)
        """The superstep of each node."""

    @property
    def cycles(self) -> int:
        """When everything issued so far is done."""
        return max(self.end, self.clock)

    def start(self, number: int) -> int:
        """When a node could start if it was issued now."""
        spent = self.costs[number]
        start = max(self.available[number], self.earliest(spent, self._joins(number)))
        return max(start, self.supersteps.earliest(spent, self._crosses(number)))

    def _crosses(self, number: int) -> bool:
        """Whether a node needs what the other engine wrote in this superstep."""
        if not self.supersteps.bulk:
            return False
        now, spent, preds = self.supersteps.number, self.costs[number], self.graph[number].preds
        return any(
            needs and self.steps[b] == now and crosses(self.costs[b], spent)
            for b, needs in preds.items()
        )

    def _joins(self, number: int) -> bool:
        return self.graph[number].preds.get(self.linked, False) and self.joins(self.costs[number])

    def issue(self, chosen: int) -> None:
        """Issue a node and tell its successors when they can start."""
        start, spent = self.start(chosen), self.costs[chosen]
        crossing = self._crosses(chosen)
        start += self.take(spent, start, self._joins(chosen))
        if self.supersteps.bulk:
            self.supersteps.take(spent, crossing, start + spent.last)
            self.steps[chosen] = self.supersteps.number
        if spent.link is not None:
            self.linked = chosen
        for later in self.graph[chosen].succs:
            after = start + edge(self.graph, self.costs, chosen, later)
            self.available[later] = max(self.available[later], after)


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
            depth[node.number] = max(depth[node.number], depth[before] + costs[before].taken)
    waiting = [len(node.succs) for node in graph]
    need = [costs[node.number].last - costs[node.number].taken for node in graph]
    ready = [n for n, count in enumerate(waiting) if count == 0]
    free = {"dma": 0, "matrix": 0, "vector": 0, "control": 0}
    while ready:
        start, _, last = min((max(need[n], free[costs[n].engine]), -depth[n], -n) for n in ready)
        number = -last
        ready.remove(number)
        spent = costs[number]
        length[number] = start + spent.taken
        free[spent.engine] = length[number]
        for before in graph[number].preds:
            distance = length[number] + edge(graph, costs, before, number)
            need[before] = max(need[before], distance - costs[before].taken)
            waiting[before] -= 1
            if waiting[before] == 0:
                ready.append(before)
    return length
