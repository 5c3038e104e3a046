"""The search for a loop's stages and the order of its kernel.

Ways are weighed by their settled interval: as it is, with the operations that need nothing of
earlier turns up to three turns ahead (loads and what follows from them), with the stores to off-chip
memory a turn behind, as the modulo schedule says, and, where all that is not near the minimum, with
the first operations of a turn moved into the turn before, some more each time. After that chance has
a try at the order of what is best.

Source of the last stages: rotation scheduling, Chao, LaPaugh and Sha (1993).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from xdsl.ir import SSAValue

from rnncc.dialects import npu
from rnncc.passes._dependence import Node
from rnncc.passes._initiation import Interval
from rnncc.passes._kernel_order import KernelOrder, kernel_order, legal, shaken
from rnncc.passes._loop_clock import Kernel, settled
from rnncc.passes._loop_graph import Edge
from rnncc.passes._modulo import modulo_schedule, stages_of
from rnncc.passes._windows import AccessTable

FURTHEST = 3
"""Turns that operations run ahead at most."""
ROTATED = 12
"""Rotations that are tried."""
ROTATION = 240
"""Operations of all these rotations together."""
SAVING = 100
"""One cycle in this many must be saved for a loop to be pipelined."""


def saves(before: float, after: float) -> bool:
    """Whether an interval saves enough on another one."""
    return (before - after) * SAVING >= before


def reads_register(node: Node) -> bool:
    """Whether an operation reads a number from memory into a register."""
    return any(isinstance(op, npu.ReadOp) for op in node.op.walk())


class Search:
    """The search for a loop's stages and order; arguments as for `plan_pipeline`, and the bound of the interval."""

    def __init__(
        self,
        graph: Sequence[Node],
        kernel: Kernel,
        private: Collection[SSAValue],
        plain: Sequence[int],
        table: AccessTable,
        bound: Interval,
    ):
        self.graph, self.kernel, self.private = graph, kernel, private
        self.table, self.bound = table, bound
        self.before = settled(kernel, plain)
        self.reading = [node.number for node in graph if reads_register(node)]
        self.found: tuple[Kernel, KernelOrder] | None = None

    def best(self) -> tuple[Kernel, KernelOrder] | None:
        """What takes the fewest cycles from turn to turn; None when nothing saves enough."""
        for trial, hints in _candidates(
            self.graph, self.kernel, self.private, self.bound, self.table
        ):
            self._try(trial, hints)
        if self._left():
            self._rotate()
        for kernel in [self.kernel] if self.found is None else [self.found[0], self.kernel]:
            if self._left():
                self._weigh(kernel, shaken(kernel, self.bound.cycles))
        return self.found

    def _left(self) -> bool:
        """Whether enough may be left to be saved."""
        now = self.before if self.found is None else self.found[1].interval
        return saves(now, self.bound.cycles)

    def _try(self, trial: Kernel, hints: list[list[int]]) -> None:
        if any(not trial.stages[n] for n in self.reading):
            return  # a number that is read must be there in the turn that uses it
        self._weigh(trial, kernel_order(trial, self.bound.cycles, hints))

    def _weigh(self, trial: Kernel, order: KernelOrder | None) -> None:
        """Take an order if it saves enough; each further turn ahead must save as much as the first."""
        now = self.before if self.found is None else self.found[1].interval
        if order is not None and saves(now, order.interval):
            self.found = trial, order

    def _rotate(self) -> None:
        """The first operations of a turn move into the turn before; as far ahead as that saves."""
        one = kernel_order(self.kernel, self.bound.cycles)
        order = one.numbers if one is not None else list(range(len(self.graph)))
        if one is not None:
            self._weigh(self.kernel, one)
        count = len(order)
        step = -(-count // max(1, min(ROTATED, ROTATION // count)))
        for first in range(1, count, step):
            early = set(order[:first])
            stages, kept = [int(n not in early) for n in range(count)], self.found
            for ahead in range(1, FURTHEST + 1):
                edges = renamed(self.kernel.edges, self.private, ahead)
                trial = replace(self.kernel, edges=edges, stages=stages, ahead=ahead)
                if not legal(trial) or (ahead > 1 and self.found is kept):
                    break
                if ahead > 1 and not writes_only(self.graph, stages, self.private, self.table):
                    break
                kept = self.found
                self._try(trial, [])


def renamed(edges: Sequence[Edge], copied: Collection[SSAValue], ahead: int) -> list[Edge]:
    """The dependences when buffers have ``ahead + 1`` copies that take turns."""
    return [replace(e, distance=ahead + 1) if e.buffer in copied else e for e in edges]


def _candidates(
    graph: Sequence[Node],
    kernel: Kernel,
    private: Collection[SSAValue],
    bound: Interval,
    table: AccessTable,
) -> Iterator[tuple[Kernel, list[list[int]]]]:
    """Stages to try, each with orders to compare."""
    wide = replace(kernel, edges=renamed(kernel.edges, private, 1))
    early = ahead_of_time(graph, wide)
    if len(set(early)) > 1:
        yield replace(wide, stages=early), []
    behind = _stores_behind(graph, wide, table)
    if len(set(behind)) > 1:
        yield replace(wide, stages=behind), []
    scheduled = modulo_schedule(wide, bound.cycles)
    if scheduled is not None:
        interval, times = scheduled
        stages = stages_of(interval, times)
        order = sorted(range(len(times)), key=lambda n: (times[n] % interval, times[n], n))
        if len(set(stages)) > 1:
            yield replace(wide, stages=stages), [order]
    if len(set(early)) > 1 and writes_only(graph, early, private, table):
        for ahead in range(2, FURTHEST + 1):
            edges = renamed(kernel.edges, private, ahead)
            yield replace(kernel, edges=edges, stages=early, ahead=ahead), []


def writes_only(
    graph: Sequence[Node], stages: Sequence[int], private: Collection[SSAValue], table: AccessTable
) -> bool:
    """Whether the early stage writes nothing but private buffers, so that it may run in vain."""
    early = [node for node in graph if not stages[node.number]]
    return all(a.window.buffer in private for n in early for a in table.of(n.op) if a.write)


def ahead_of_time(graph: Sequence[Node], kernel: Kernel) -> list[int]:
    """Stage 0 for what needs nothing of earlier turns, by itself or through what it reads."""
    preds: list[list[int]] = [[] for _ in graph]
    for edge in kernel.edges:
        if not edge.distance or (edge.needs and edge.reads and edge.distance == 1):
            preds[edge.later].append(edge.before)
    late: set[int] = {n for n, before in enumerate(preds) if n in before}
    # What reaches itself through earlier turns, and all that follows from it.
    changed = True
    circular = _circular(preds)
    late |= circular
    while changed:
        changed = False
        for number, before in enumerate(preds):
            if number not in late and any(b in late for b in before):
                late.add(number)
                changed = True
    return [int(n in late) for n in range(len(graph))]


def _circular(preds: Sequence[Sequence[int]]) -> set[int]:
    """Nodes on a cycle of dependences: what remains when those without predecessors are taken away, both ways."""
    alive = set(range(len(preds)))
    succs: list[list[int]] = [[] for _ in preds]
    for number, before in enumerate(preds):
        for b in before:
            succs[b].append(number)
    for neighbours in (preds, succs):
        changed = True
        while changed:
            gone = {n for n in alive if not any(b in alive for b in neighbours[n])}
            alive -= gone
            changed = bool(gone)
    return alive


def _stores_behind(graph: Sequence[Node], kernel: Kernel, table: AccessTable) -> list[int]:
    """Stage 1 for transfers to off-chip memory that nothing in their turn waits for."""
    followed = {e.before for e in kernel.edges if not e.distance}
    stages = [0] * len(graph)
    for node in graph:
        if isinstance(node.op, npu.DmaOp) and node.number not in followed:
            written = [a.window.buffer for a in table.of(node.op) if a.write]
            stages[node.number] = int(all(npu.memory_of(b) == "dram" for b in written))
    return stages
