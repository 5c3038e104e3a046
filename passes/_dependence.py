"""The dependence graph of one block: which operation must stay after which, and why.

Nodes are the operations that take machine time: instructions, scalar reads, loops and branches
(summed up by what they touch). Everything else, views and scalar arithmetic, follows its users.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import npu
from rnncc.passes._leaving import waits_for_break
from rnncc.passes._windows import Access, AccessTable, Window, overlap


@dataclass(slots=True)
class Node:
    """One operation of the graph.

    Attributes:
        op: the operation.
        number: its position in the block's original order.
        preds: earlier nodes and whether this one needs their results (else it overwrites what they read).
        succs: later nodes that must wait for this one.
        buffers: the on-chip and off-chip buffers it touches.
    """

    op: Operation
    number: int
    preds: dict[int, bool] = field(default_factory=dict)
    succs: list[int] = field(default_factory=list)
    buffers: set[SSAValue] = field(default_factory=set)


def is_node(op: Operation) -> bool:
    """Whether an operation takes part in scheduling."""
    return isinstance(op, npu.InstructionOp | npu.ReadOp | npu.LoopOp | npu.IfOp | npu.BreakOp)


def dependence_graph(
    block: Block, table: AccessTable, local: AbstractSet[SSAValue] = frozenset()
) -> list[Node]:
    """The nodes of a block in original order, with their dependences.

    Read after write, write after read and write after write on overlapping windows of one buffer,
    and registers. Edges that a path already implies through a covering write are left out. What is
    done before an `npu.break` and seen outside the turn stays before it, and likewise after it.

    Args:
        block: the block.
        table: what operations touch.
        local: buffers that live inside one run of the block.
    """
    graph: list[Node] = []
    held: list[Node] = []
    """Nodes that no break may pass, in order."""
    number_of: dict[Operation, int] = {}
    touched: dict[SSAValue, list[tuple[int, Access]]] = {}
    sources: dict[Operation, frozenset[int]] = {}
    for op in block.ops:
        if not is_node(op):
            continue
        node = Node(op, len(graph))
        number_of[op] = node.number
        graph.append(node)
        for before in _registers(op, block, number_of, sources):
            node.preds[before] = True
        for access in table.of(op):
            _order(node, access, touched)
        if waits_for_break(op, table, local):
            _hold(node, held)
        node.preds.pop(node.number, None)
        for before in node.preds:
            graph[before].succs.append(node.number)
    return graph


def _order(node: Node, access: Access, touched: dict[SSAValue, list[tuple[int, Access]]]) -> None:
    """Dependences of one access on the earlier ones of its buffer; then note it."""
    buffer = access.window.buffer
    node.buffers.add(buffer)
    if isinstance(buffer.owner, npu.ConstOp | npu.InputOp):
        return
    earlier = touched.setdefault(buffer, [])
    kept = []
    for number, other in earlier:
        if (access.write or other.write) and overlap(access.window, other.window):
            node.preds[number] = node.preds.get(number, False) or other.write
            if access.write and number != node.number and _covers(access.window, other.window):
                continue  # whoever waits for this write waits for the other as well
        kept.append((number, other))
    kept.append((node.number, access))
    touched[buffer] = kept


def _hold(node: Node, held: list[Node]) -> None:
    """Order a break after what must not pass it, and what must not pass a break after it."""
    breaks = isinstance(node.op, npu.BreakOp)
    for before in reversed(held):
        if breaks or isinstance(before.op, npu.BreakOp):
            node.preds.setdefault(before.number, False)
        if isinstance(before.op, npu.BreakOp):
            break
    held.append(node)


def _covers(a: Window, b: Window) -> bool:
    """Whether every element of `b` surely is one of `a`."""
    if a.key == b.key:
        return True
    if a.index is not b.index or a.index_stride != b.index_stride:
        return False
    return a.dense and a.low <= b.low and b.high <= a.high


def _registers(
    op: Operation,
    block: Block,
    number_of: dict[Operation, int],
    sources: dict[Operation, frozenset[int]],
) -> frozenset[int]:
    """Nodes of the block whose register results `op` needs, also through views and arithmetic."""
    found: set[int] = set()
    for inner in op.walk() if op.regions else (op,):
        for operand in inner.operands:
            owner = operand.owner
            if not isinstance(owner, Operation) or owner.parent is not block:
                continue
            if owner in number_of:
                found.add(number_of[owner])
            elif owner is not op:
                if owner not in sources:
                    sources[owner] = _registers(owner, block, number_of, sources)
                found |= sources[owner]
    return frozenset(found)
