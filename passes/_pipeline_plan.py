"""How a loop is to be pipelined: which operations run a turn ahead, in which order, with which copies.

Four ways are weighed by their settled interval: as it is, with the operations that need nothing
of earlier turns up to three turns ahead (loads and what follows from them), with the stores to
off-chip memory a turn behind, and as the modulo schedule says. A buffer that a later turn fills
while an earlier one still reads it gets as many copies as turns are under way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from rnncc.dialects import npu
from rnncc.passes._dependence import Node
from rnncc.passes._initiation import Interval, minimum_interval
from rnncc.passes._kernel_order import KernelOrder, kernel_order
from rnncc.passes._loop_clock import Kernel, settled
from rnncc.passes._loop_graph import Edge
from rnncc.passes._modulo import modulo_schedule, stages_of
from rnncc.passes._windows import AccessTable

TRIED = 16
"""Groups of buffers that are tried without copies."""
FURTHEST = 3
"""Turns that operations run ahead at most."""
SAVING = 100
"""One cycle in this many must be saved for a loop to be pipelined."""


@dataclass(frozen=True)
class PipelinePlan:
    """What to make of a loop.

    Attributes:
        stages: 0 for the operations that run ahead of those in stage 1.
        ahead: turns by which they do.
        order: of the kernel.
        copied: buffers that get ``ahead + 1`` copies.
        interval: expected cycles from turn to turn.
        plain: the same without pipelining.
        bound: the minimum initiation interval.
    """

    stages: list[int]
    ahead: int
    order: list[int]
    copied: frozenset[SSAValue]
    interval: float
    plain: float
    bound: Interval

    @property
    def pipelined(self) -> bool:
        """Whether there is more than one stage."""
        return len(set(self.stages)) > 1


def plan_pipeline(
    graph: Sequence[Node],
    kernel: Kernel,
    private: Collection[SSAValue],
    plain: Sequence[int],
    table: AccessTable,
) -> PipelinePlan:
    """The best way found, perhaps the plain one.

    Args:
        graph: the nodes of the loop's body.
        kernel: their costs and dependences, all in one stage.
        private: buffers that each turn fills before it reads them, and that may get copies.
        plain: the order without pipelining.
        table: what the nodes touch.
    """
    bound = minimum_interval(replace(kernel, edges=renamed(kernel.edges, private, FURTHEST)))
    before = settled(kernel, plain)
    reading = [n.number for n in graph if any(isinstance(op, npu.ReadOp) for op in n.op.walk())]
    possible = (before - bound.cycles) * SAVING >= before
    best: tuple[Kernel, KernelOrder] | None = None
    for trial, hints in _candidates(graph, kernel, private, bound, table) if possible else ():
        if any(not trial.stages[n] for n in reading):
            continue  # a number that is read must be there in the turn that uses it
        found = kernel_order(trial, bound.cycles, hints)
        # Each further turn ahead must save as much as the first.
        if found is not None and _saves(before if best is None else best[1].interval, found):
            best = trial, found
    if best is None:
        nothing = frozenset[SSAValue]()
        return PipelinePlan(list(kernel.stages), 1, list(plain), nothing, before, before, bound)
    chosen, order = best
    copied = _copies(kernel.edges, chosen, order, private)
    return PipelinePlan(
        list(chosen.stages), chosen.ahead, order.numbers, copied, order.interval, before, bound
    )


def _saves(before: float, found: KernelOrder) -> bool:
    return (before - found.interval) * SAVING >= before


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


def _copies(
    edges: Sequence[Edge], kernel: Kernel, order: KernelOrder, private: Collection[SSAValue]
) -> frozenset[SSAValue]:
    """The buffers that need their copies: for the order to be right, or to be as fast."""
    place = {number: i for i, number in enumerate(order.numbers)}
    needed: set[SSAValue] = set()
    for edge in edges:
        if edge.buffer in private and edge.distance:
            gap = kernel.gap(edge)
            if gap < 0 or (gap == 0 and place[edge.before] >= place[edge.later]):
                needed.add(edge.buffer)  # type: ignore[arg-type]
    copied = set(private)
    groups = [sorted(copied - needed, key=lambda b: -npu.byte_size(b))]
    for _ in range(TRIED):
        if not groups:
            break
        group = groups.pop(0)
        without = copied.difference(group)
        trial = replace(kernel, edges=renamed(edges, without, kernel.ahead))
        if settled(trial, order.numbers) <= order.interval:
            copied = without
        elif len(group) > 1:
            half = len(group) // 2
            groups += [group[:half], group[half:]]
    return frozenset(copied)
