"""Scans of a block: what depends on them, which run equally many steps, moving what comes between."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from xdsl.ir import Block, Operation, OpResult, SSAValue
from xdsl.traits import is_side_effect_free

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp


def scan_blocks(root: Operation) -> Iterator[tuple[Block, list[ScanOp]]]:
    """The blocks with at least two scans of their own, and those scans in order; inner blocks first."""
    found: dict[Block, list[ScanOp]] = {}
    for op in root.walk():
        if isinstance(op, ScanOp) and op.parent is not None:
            found.setdefault(op.parent, []).append(op)
    for block in reversed(list(found)):
        if len(found[block]) > 1:
            yield block, found[block]


def read_values(op: Operation) -> Iterator[SSAValue]:
    """Every value that an operation reads, in its regions too."""
    for inner in op.walk():
        yield from inner.operands


def dependences(block: Block, watched: Collection[Operation]) -> dict[Operation, frozenset]:
    """For each operation of a block those of `watched` that it needs, directly or not."""
    needs: dict[Operation, frozenset] = {}
    empty: frozenset = frozenset()
    for op in block.ops:
        found = empty
        for value in read_values(op):
            owner = value.owner
            if isinstance(owner, Operation) and owner.parent is block and owner is not op:
                found |= needs[owner]
                if owner in watched:
                    found |= {owner}
        needs[op] = found
    return needs


def same_value(a: SSAValue | None, b: SSAValue | None) -> bool:
    """Whether two values are surely equal: the same one, or made alike by pure operations."""
    if a is b:
        return True
    if not isinstance(a, OpResult) or not isinstance(b, OpResult):
        return False
    x, y = a.op, b.op
    if x.name != y.name or x.regions or a.index != b.index or a.type != b.type:
        return False
    if not is_side_effect_free(x) or len(x.operands) != len(y.operands):
        return False
    if x.properties != y.properties:
        return False
    return all(same_value(v, w) for v, w in zip(x.operands, y.operands, strict=True))


def same_steps(a: ScanOp, b: ScanOp) -> bool:
    """Whether two scans always run equally many steps, row by row."""
    return (
        (a.count, a.symbol) == (b.count, b.symbol)
        and same_value(a.steps, b.steps)
        and same_value(a.lens, b.lens)
    )


def halves(scans: Collection[ScanOp], needs: dict[Operation, frozenset]) -> set[ScanOp]:
    """The scans that are one direction of a bidirectional layer.

    Two scans are, when neither needs the other, they run equally many steps, and read something of
    the same sequence in opposite directions.
    """
    roots = {scan: _roots(scan) for scan in scans}
    found: set[ScanOp] = set()
    for a, b in combinations(scans, 2):
        opposite = any((value, not reverse) in roots[b] for value, reverse in roots[a])
        if opposite and a not in needs[b] and b not in needs[a] and same_steps(a, b):
            found |= {a, b}
    return found


def _roots(scan: ScanOp) -> set[tuple[SSAValue, bool]]:
    """What the inputs of a scan are computed from by nn operations, and how they are read."""
    found: set[tuple[SSAValue, bool]] = set()
    work = list(zip(scan.inputs, scan.input_flags, strict=True))
    seen = set(work)
    while work:
        value, reverse = work.pop()
        if not isinstance(value.owner, nn.NNOp):
            found.add((value, reverse))
            continue
        new = {(v, reverse) for v in value.owner.operands} - seen
        seen |= new
        work += new
    return found


def sink_users(members: Collection[Operation], anchor: Operation) -> None:
    """Move what needs one of `members` and stands before `anchor` to just behind it, in order.

    The anchor is the last of the members.
    """
    block = anchor.parent
    assert block is not None
    moving: dict[Operation, None] = {}
    for op in block.ops:
        if op is anchor:
            break
        if op in members:
            continue
        makers = (v.owner for v in read_values(op))
        if any(m in members or m in moving for m in makers if isinstance(m, Operation)):
            moving[op] = None
    place = anchor
    for op in moving:
        op.detach()
        block.insert_op_after(op, place)
        place = op
