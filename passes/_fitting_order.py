"""Orders that need little on-chip memory, for programs that do not fit as they were lowered.

What is alive depends only on which operations are issued, not on their order: the least peak of a block is a shortest
path over sets of issued operations whose length is its largest step. It is exact for blocks small enough (`EFFORT`);
of larger ones the set that is fullest is completed step by step, each the one with which least is alive. Innermost
blocks come first; what they need counts where they stand in the block around them.
Source: Dijkstra's algorithm for bottleneck paths; sets of issued nodes as in Sethi, "Complete register allocation
problems" (1975).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, SSAValue

from rnncc.dialects import npu
from rnncc.passes._block_order import rearrange
from rnncc.passes._dependence import Node, dependence_graph
from rnncc.passes._live_ranges import live_ranges
from rnncc.passes._windows import AccessTable

EFFORT = 200_000
"""Steps times buffers that are looked at before a block counts as large."""
LARGE = 400
"""Nodes beyond which a block is completed in its own order."""
WINDOW = 16
"""Ready nodes that are compared at a step."""
MEMORIES: tuple[str, ...] = ("wmem", "vmem")


def save_memory(function: FuncOp, capacity: Mapping[str, int], table: AccessTable) -> None:
    """Put every block into an order of least peak.

    Args:
        function: at the npu level, without addresses.
        capacity: bytes of the on-chip memories; the peak is the larger share of the two.
        table: what the operations touch.
    """
    local: dict[Block, set[SSAValue]] = {}
    for item in live_ranges(function, table):
        if npu.memory_of(item.buffer) in capacity:
            local.setdefault(item.home, set()).add(item.buffer)
    _order(function.body.block, local, capacity, table)


def _order(
    block: Block,
    local: Mapping[Block, set[SSAValue]],
    capacity: Mapping[str, int],
    table: AccessTable,
) -> tuple[float, ...]:
    """Order a block and those inside it; returns the shares of the memories that its own buffers need."""
    mine = local.get(block, set())
    graph = dependence_graph(block, table, mine)
    inside = []
    for node in graph:
        needs = [
            _order(inner, local, capacity, table) for r in node.op.regions for inner in r.blocks
        ]
        inside.append(
            tuple(max(each) for each in zip(*needs, strict=True)) or (0.0,) * len(MEMORIES)
        )
    numbers, peaks = least_peak(graph, mine, inside, capacity)
    rearrange(block, graph, numbers)
    return peaks


def least_peak(
    graph: Sequence[Node],
    local: set[SSAValue],
    inside: Sequence[tuple[float, ...]],
    capacity: Mapping[str, int],
) -> tuple[list[int], tuple[float, ...]]:
    """An order of a block whose largest share of a memory is the least, and its shares.

    Args:
        graph: the block's nodes.
        local: buffers that live inside one run of the block.
        inside: what each node needs besides while it runs.
        capacity: bytes of the memories.
    """
    share = {b: npu.byte_size(b) / capacity[npu.memory_of(b)] for b in local}
    users = {b: sum(1 << n.number for n in graph if b in n.buffers) for b in local}
    preds = [sum(1 << p for p in node.preds) for node in graph]

    def alive(issued: int, number: int) -> tuple[float, ...]:
        """Shares of the memories while a node runs: begun and not over before it, or begun by it."""
        after, found = issued | 1 << number, dict(zip(MEMORIES, inside[number], strict=True))
        for buffer, who in users.items():
            if who & after and who & ~issued:
                found[npu.memory_of(buffer)] += share[buffer]
        return tuple(found.values())

    whole = (1 << len(graph)) - 1
    came: dict[int, tuple[int, int]] = {}
    heap: list[tuple[float, int, int]] = [(0.0, 0, 0)]
    best, done, left = {0: 0.0}, set[int](), EFFORT
    while heap[0][2] != whole and left > 0:
        peak, _, issued = heappop(heap)
        if issued in done:
            continue
        done.add(issued)
        for number in _ready(preds, issued):
            after = issued | 1 << number
            left -= 1 + len(share)
            needs = max(peak, *alive(issued, number))
            if needs < best.get(after, float("inf")):
                best[after] = needs
                came[after] = (issued, number)
                heappush(heap, (needs, -after.bit_count(), after))
    at = issued = whole if heap[0][2] == whole else min(heap, key=lambda e: (e[1], e[0]))[2]
    numbers: list[int] = []
    while at:
        at, number = came[at]
        numbers.append(number)
    numbers.reverse()
    while issued != whole:
        ready = _ready(preds, issued)[: WINDOW if len(graph) <= LARGE else 1]
        number = min(ready, key=lambda n: (max(alive(issued, n)), n))
        numbers.append(number)
        issued |= 1 << number
    issued, peaks = 0, list[tuple[float, ...]]([(0.0,) * len(MEMORIES)])
    for number in numbers:
        peaks.append(alive(issued, number))
        issued |= 1 << number
    return numbers, tuple(max(each) for each in zip(*peaks, strict=True))


def _ready(preds: Sequence[int], issued: int) -> list[int]:
    """The nodes that may come next."""
    return [n for n, needs in enumerate(preds) if not issued >> n & 1 and not needs & ~issued]
