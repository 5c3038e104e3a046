"""Which buffers to spill: the most memory and time freed for each byte of extra traffic."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block

from rnncc.dialects import npu
from rnncc.passes._live_ranges import Event, LiveRange
from rnncc.passes._placement import peak
from rnncc.passes._register_limits import register_limit


def choose(ranges: Sequence[LiveRange], capacity: int, align: int) -> list[LiveRange]:
    """Buffers whose spilling brings the fullest position below the capacity, best benefit first."""
    where, most = peak(ranges)
    alive = [r for r in ranges if r.start <= where <= r.end]
    chosen: list[LiveRange] = []
    for item in sorted(alive, key=lambda r: -benefit(r, where)):
        if benefit(item, where) <= 0:
            break
        chosen.append(item)
        kept = max((staging_bytes(e, item) for e in item.events if e.position == where), default=0)
        most -= item.size - kept
        if most + len(alive) * align <= capacity:
            break
    return chosen


def turns(nest: Sequence[Block]) -> int:
    """How often a position inside these loops runs, at most."""
    count = 1
    for block in nest:
        loop = block.parent_op()
        if isinstance(loop, npu.LoopOp):
            count *= max(1, loop.maximum)
    return count


def benefit(item: LiveRange, at: int) -> float:
    """Bytes times positions freed for each byte of extra traffic; 0 when nothing is freed.

    Args:
        item: the candidate.
        at: the position at which memory is short.
    """
    if not spillable(item):
        return 0.0
    traffic = kept = 0
    for event in item.events:
        size = staging_bytes(event, item)
        traffic += size * turns(event.nest)
        if event.position == at:
            kept = max(kept, size)
    freed = max(0, item.size - kept)
    return freed * (item.end - item.start + 1) / max(1, traffic)


def spillable(item: LiveRange) -> bool:
    """Whether spilling can free anything: staging buffers are never spilled again."""
    if "rnncc.staging" in item.alloc.attributes:
        return False
    return all(isinstance(event.op, npu.InstructionOp | npu.ReadOp) for event in item.events)


def staging_bytes(event: Event, item: LiveRange) -> int:
    """Bytes of the staging copy that one use needs."""
    op = event.op
    if isinstance(op, npu.ReadOp | npu.DmaOp):
        return 0
    assert isinstance(op, npu.InstructionOp)
    element = item.size // max(1, item.buffer.type.elements)  # type: ignore[attr-defined]
    sizes = [0]
    for name, view in zip(op.VIEWS, op.views, strict=True):
        if npu.buffer_of(view) is item.buffer:
            size = 1
            for extent in staging_shape(op, name):
                size *= extent
            sizes.append(size * element)
    return max(sizes)


def staging_shape(op: npu.InstructionOp, name: str) -> list[int]:
    """Largest extents of an operand; 1 where it repeats an element or has no such axis."""
    shape = [1, 1, 1]
    view = op.operands[op.VIEWS.index(name)].owner
    assert isinstance(view, npu.ViewOp)
    for axis, count, dim in op.counts(name):
        if view.stride_values[axis]:
            limit = 1 if dim is None else register_limit(dim)
            shape[axis] = count * (1 if limit is None else max(1, limit))
    return shape
