"""List scheduling of one block: the order in which a single in-order dispatcher should issue.

Among the operations whose predecessors are issued, take the one that can start first; of equals
the one with the longest latency-weighted path to the end of the block. An operation that would
make more on-chip memory live than there is waits.
Source: Graham's list scheduling with critical-path priorities (Gibbons and Muchnick 1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnncc.passes._dependence import Node
from rnncc.passes._op_cost import OpCost
from rnncc.passes._pressure import Pressure

WINDOW = 48
"""Ready operations, by priority, that are compared at each step: keeps the time linear."""


@dataclass(frozen=True, slots=True)
class Order:
    """The chosen order and the cycles that it is expected to take."""

    numbers: list[int]
    cycles: int


def list_order(
    graph: Sequence[Node], costs: Sequence[OpCost], pressure: Pressure, dispatch: int
) -> Order:
    """Order the nodes of a block.

    Args:
        graph: the dependence graph.
        costs: the cost of each node.
        pressure: on-chip memory that becomes live as nodes are issued.
        dispatch: cycles between two instructions issued.
    """
    state = _State(graph, costs, pressure, dispatch)
    while state.ready:
        state.issue(state.choose())
    return Order(state.numbers, max(state.end, state.clock))


class _State:
    """The machine as far as the order needs it: when engines are free and operands there."""

    def __init__(
        self, graph: Sequence[Node], costs: Sequence[OpCost], pressure: Pressure, dispatch: int
    ):
        self.graph, self.costs, self.pressure, self.dispatch = graph, costs, pressure, dispatch
        self.priority = priorities(graph, costs)
        self.waiting = [len(node.preds) for node in graph]
        self.ready = [n for n, count in enumerate(self.waiting) if count == 0]
        self.available = [0] * len(graph)
        self.free = {"dma": 0, "matrix": 0, "vector": 0, "control": 0}
        self.clock = self.end = 0
        self.numbers: list[int] = []

    def choose(self) -> int:
        """The ready node that starts first, of equals the first by priority; within the memory."""
        self.ready.sort(key=lambda n: (-self.priority[n], n))
        best, best_start = -1, 0
        for number in self.ready[:WINDOW]:
            if not self.pressure.fits(number):
                continue
            start = max(self.available[number], self.free[self.costs[number].engine], self.clock)
            if best < 0 or start < best_start:
                best, best_start = number, start
        # When nothing fits, the original order frees memory as early as the program can.
        return best if best >= 0 else min(self.ready)

    def issue(self, chosen: int) -> None:
        """Issue a node and tell its successors when they can start."""
        self.ready.remove(chosen)
        self.numbers.append(chosen)
        self.pressure.issue(chosen)
        spent = self.costs[chosen]
        start = max(self.available[chosen], self.free[spent.engine], self.clock)
        # The control engine is the dispatcher: while it waits, nothing is issued.
        self.clock = start + spent.busy if spent.engine == "control" else self.clock + self.dispatch
        self.free[spent.engine] = start + spent.busy
        self.end = max(self.end, start + spent.last)
        for later in self.graph[chosen].succs:
            true_dependence = self.graph[later].preds[chosen]
            done = start + (spent.first if true_dependence else spent.busy)
            self.available[later] = max(self.available[later], done)
            self.waiting[later] -= 1
            if self.waiting[later] == 0:
                self.ready.append(later)


def priorities(graph: Sequence[Node], costs: Sequence[OpCost]) -> list[int]:
    """Cycles of the longest path from each node to the end of the block."""
    length = [0] * len(graph)
    for node in reversed(graph):
        spent = costs[node.number]
        best = spent.last
        for later in node.succs:
            edge = spent.first if graph[later].preds[node.number] else spent.busy
            best = max(best, edge + length[later])
        length[node.number] = best
    return length
