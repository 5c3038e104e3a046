"""The dependences between the turns of a loop: what turn t + d must wait for in turn t.

Within a turn the graph is that of `_dependence`. Between turns two accesses of one buffer matter
as soon as their windows can meet: windows that the loop's index moves meet after the number of
turns that their stride says, windows that a counter modulo m moves after m turns (buffers that
take turns), all others in the next turn.
Source: dependence distances as in Rau, "Iterative modulo scheduling" (1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import npu
from rnncc.passes._dependence import Node, dependence_graph
from rnncc.passes._windows import Access, AccessTable, Window, overlap

ROWS_TRIED = 16
"""Turns over which windows of interleaving rows are compared one by one."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`later` of turn ``t + distance`` stays after `before` of turn ``t``.

    Attributes:
        before, later: numbers of nodes.
        distance: turns between them, 0 within one turn.
        needs: the later one needs the result of the earlier one (else it overwrites what that one read).
        buffer: where they meet; None for edges within a turn.
        reads: the later one reads there (else it overwrites what the earlier one wrote or read).
    """

    before: int
    later: int
    distance: int
    needs: bool
    buffer: SSAValue | None = None
    reads: bool = True


def loop_edges(loop: npu.LoopOp, table: AccessTable) -> tuple[list[Node], list[Edge]]:
    """The nodes of a loop's body and all dependences, within a turn and between turns."""
    graph = dependence_graph(loop.body.block, table)
    edges = [Edge(b, node.number, 0, needs) for node in graph for b, needs in node.preds.items()]
    touched: dict[SSAValue, list[tuple[int, Access]]] = {}
    for node in graph:
        for access in table.of(node.op):
            buffer = access.window.buffer
            if not isinstance(buffer.owner, npu.ConstOp | npu.InputOp):
                touched.setdefault(buffer, []).append((node.number, access))
    for buffer, accesses in touched.items():
        edges += _carried(buffer, accesses, loop)
    return graph, edges


def _carried(
    buffer: SSAValue, accesses: Sequence[tuple[int, Access]], loop: npu.LoopOp
) -> list[Edge]:
    found: dict[tuple[int, int, int], tuple[bool, bool]] = {}
    for before, a in accesses:
        for later, b in accesses:
            if not (a.write or b.write):
                continue
            distance = turns_apart(a.window, b.window, loop)
            if distance is not None:
                key = (before, later, distance)
                needs, reads = found.get(key, (False, False))
                found[key] = needs or a.write, reads or not b.write
    return [Edge(b, n, d, needs, buffer, reads) for (b, n, d), (needs, reads) in found.items()]


def turns_apart(a: Window, b: Window, loop: npu.LoopOp) -> int | None:
    """The smallest d >= 1 such that `b` in turn t + d may meet `a` in turn t; None when it never does."""
    if a.index is not b.index or a.index_stride != b.index_stride:
        return 1 if overlap(a.spread(), b.spread()) else None
    step = a.index_stride
    if a.index is loop.index and step:
        return _moving_apart(a, b, step)
    modulus = turning(a.index, loop)
    if modulus is not None:
        for d in range(1, modulus):
            # The counter has gone d further, or has begun again.
            if any(overlap(a, _shifted(b, s * step)) for s in (d, d - modulus)):
                return d
        return modulus if overlap(a, b) else None
    if defined_in(a.index, loop.body.block):
        a, b = a.spread(), b.spread()
    return 1 if overlap(a, b) else None


def turning(index: SSAValue | None, loop: npu.LoopOp) -> int | None:
    """m when a register is the loop's index modulo a known m."""
    owner = None if index is None else index.owner
    if not isinstance(owner, npu.ScalarOp) or owner.kind.data != "mod":
        return None
    by = owner.b.owner
    if owner.a is not loop.index or not isinstance(by, npu.ImmediateOp):
        return None
    return by.value.value.data if by.value.value.data > 0 else None


def defined_in(value: SSAValue | None, block: Block) -> bool:
    """Whether a register is made in a block, or in one inside it."""
    if value is None:
        return False
    home = value.owner if isinstance(value.owner, Block) else value.owner.parent
    while home is not None:
        if home is block:
            return True
        outer: Operation | None = home.parent_op()
        home = outer.parent if outer is not None else None
    return False


def _shifted(window: Window, by: int) -> Window:
    return replace(window, low=window.low + by, high=window.high + by)


def _moving_apart(a: Window, b: Window, step: int) -> int | None:
    """As `turns_apart`, for windows that move by `step` elements a turn."""
    low, high = a.low - b.high, a.high - b.low
    first = max(1, low // step + 1) if step > 0 else max(1, high // step + 1)

    def meets(d: int) -> bool:
        return low < d * step < high

    if not meets(first):
        return None
    for d in range(first, first + ROWS_TRIED):
        if not meets(d):
            return None
        if overlap(a, _shifted(b, d * step)):
            return d
    return first + ROWS_TRIED
