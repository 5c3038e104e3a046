"""How a loop is to be pipelined: which operations run a turn ahead, in which order, with which copies.

Stages and order are found by `_pipeline_search`. A buffer that a later turn fills while an earlier one
still reads it gets as many copies as turns are under way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from rnncc.dialects import npu
from rnncc.machine import MachineDescription
from rnncc.passes._dependence import Node
from rnncc.passes._initiation import Interval, minimum_interval
from rnncc.passes._kernel_order import KernelOrder
from rnncc.passes._loop_clock import Kernel, settled
from rnncc.passes._loop_graph import Edge
from rnncc.passes._pipeline_search import FURTHEST, Search, reads_register, renamed, saves
from rnncc.passes._windows import AccessTable

TRIED = 16
"""Groups of buffers that are tried without copies."""
KEPT = 256
"""Plans that are remembered: a pipeline that measures schedules the same loop many times."""
_PLANS: dict[tuple[object, ...], tuple[MachineDescription, PipelinePlan, tuple[int, ...]]] = {}
"""Plans without their copies by all that they depend on, the machine by identity (kept here, so that it is unique)."""


@dataclass(frozen=True)
class PipelinePlan:
    """What to make of a loop.

    Attributes:
        stages: 0 for the operations that run ahead of those in stage 1.
        ahead: turns by which they do.
        order: of the kernel; of the body, where there is one stage only.
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

    @property
    def better(self) -> bool:
        """Whether anything is gained, by stages or by the order alone."""
        return self.interval < self.plain


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
    key, buffers = _key(graph, kernel, private, plain, table)
    if key in _PLANS:
        _, plan, numbers = _PLANS[key]
        return replace(plan, copied=frozenset(buffers[n] for n in numbers))
    plan = _plan(graph, kernel, private, plain, table)
    if len(_PLANS) >= KEPT:
        _PLANS.clear()
    copied = tuple(n for n, buffer in enumerate(buffers) if buffer in plan.copied)
    _PLANS[key] = kernel.machine, replace(plan, copied=frozenset()), copied
    return plan


def _key(
    graph: Sequence[Node],
    kernel: Kernel,
    private: Collection[SSAValue],
    plain: Sequence[int],
    table: AccessTable,
) -> tuple[tuple[object, ...], list[SSAValue]]:
    """All that a plan depends on, with buffers by number; and the buffers."""
    buffers: dict[SSAValue, int] = {}

    def number(buffer: SSAValue | None) -> int:
        return -1 if buffer is None else buffers.setdefault(buffer, len(buffers))

    edges = tuple(
        (e.before, e.later, e.distance, e.needs, e.reads, number(e.buffer)) for e in kernel.edges
    )
    nodes = tuple(
        (
            reads_register(node),
            isinstance(node.op, npu.DmaOp),
            tuple((number(a.window.buffer), a.write) for a in table.of(node.op)),
        )
        for node in graph
    )
    copies = tuple(sorted(number(buffer) for buffer in private))
    storage = tuple((npu.memory_of(b), npu.byte_size(b)) for b in buffers)
    costs, machine = tuple(kernel.costs), id(kernel.machine)
    return (machine, costs, edges, nodes, copies, storage, kernel.scalars, *plain), list(buffers)


def _plan(
    graph: Sequence[Node],
    kernel: Kernel,
    private: Collection[SSAValue],
    plain: Sequence[int],
    table: AccessTable,
) -> PipelinePlan:
    bound = minimum_interval(replace(kernel, edges=renamed(kernel.edges, private, FURTHEST)))
    search = Search(graph, kernel, private, plain, table, bound)
    best = search.best() if saves(search.before, bound.cycles) else None
    if best is None:
        nothing = frozenset[SSAValue]()
        before = search.before
        return PipelinePlan(list(kernel.stages), 1, list(plain), nothing, before, before, bound)
    chosen, order = best
    staged = len(set(chosen.stages)) > 1
    copied = _copies(kernel.edges, chosen, order, private) if staged else frozenset[SSAValue]()
    return PipelinePlan(
        list(chosen.stages),
        chosen.ahead,
        order.numbers,
        copied,
        order.interval,
        search.before,
        bound,
    )


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
