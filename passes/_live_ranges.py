"""Live ranges of work buffers: when storage is needed, as positions in program order.

A buffer that crosses a loop's edge, or that an iteration reads before it has written it, is
needed for the whole loop. One that each iteration writes before it reads lives inside it.
Source: linear-scan live intervals (Poletto and Sarkar 1999) over loop-nested code.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import npu
from rnncc.passes._windows import AccessTable, Window


@dataclass(slots=True)
class LiveRange:
    """Positions [start, end], both included, at which a buffer is needed."""

    buffer: SSAValue
    start: int
    end: int
    size: int
    """Bytes in containers."""
    home: Block
    """The innermost block whose single run contains the whole range."""
    events: list[Event] = field(default_factory=list, repr=False)

    def meets(self, other: LiveRange) -> bool:
        """Whether both are needed at one position."""
        return self.start <= other.end and other.start <= self.end

    @property
    def alloc(self) -> npu.AllocOp:
        """The operation that names the storage."""
        assert isinstance(self.buffer.owner, npu.AllocOp)
        return self.buffer.owner


@dataclass(frozen=True, slots=True)
class Event:
    """One operation that touches a buffer."""

    position: int
    op: Operation
    window: Window
    write: bool
    nest: tuple[Block, ...]
    """Bodies of the loops and branches around it, outermost first."""


@dataclass(slots=True)
class Spans:
    """Program order: the first and last position inside each loop and branch."""

    spans: dict[Operation, tuple[int, int]] = field(default_factory=dict)
    events: dict[SSAValue, list[Event]] = field(default_factory=dict)
    count: int = 0
    table: AccessTable = field(default_factory=AccessTable)

    def walk(self, block: Block, nest: tuple[Block, ...]) -> None:
        """Number the operations of a block and note what they touch."""
        for op in block.ops:
            position = self.count
            self.count += 1
            if op.regions:
                for region in op.regions:
                    for inner in region.blocks:
                        self.walk(inner, (*nest, inner))
                self.spans[op] = (position, self.count)
                self.count += 1
                continue
            for access in self.table.direct(op):
                event = Event(position, op, access.window, access.write, nest)
                self.events.setdefault(access.window.buffer, []).append(event)


def live_ranges(function: FuncOp, table: AccessTable | None = None) -> list[LiveRange]:
    """The live range of every `npu.alloc` that is used, in order of its first use."""
    order = Spans(table=table or AccessTable())
    order.walk(function.body.block, ())
    ranges = []
    body = function.body.block
    for buffer, events in order.events.items():
        if isinstance(buffer.owner, npu.AllocOp):
            start, end, home = _extent(events, order, body)
            if npu.PERSISTENT in buffer.owner.attributes:
                start, end, home = 0, order.count, body
            ranges.append(LiveRange(buffer, start, end, npu.byte_size(buffer), home, events))
    return ranges


def _extent(events: list[Event], order: Spans, body: Block) -> tuple[int, int, Block]:
    """First and last position of a buffer's need, and the innermost block that contains it."""
    start, end = events[0].position, events[-1].position
    common = events[0].nest
    for event in events:
        common = common[: _shared(common, event.nest)]
    for event in events:
        # Loops that not all accesses share: what crosses a loop's edge needs all of it.
        for outer in (block.parent_op() for block in event.nest[len(common) :]):
            if isinstance(outer, npu.LoopOp):
                start = min(start, order.spans[outer][0])
                end = max(end, order.spans[outer][1])
                break
    for depth, block in enumerate(common):
        outer = block.parent_op()
        if isinstance(outer, npu.LoopOp) and is_carried(events, outer):
            first, last = order.spans[outer]
            home = common[depth - 1] if depth else body
            return min(start, first), max(end, last), home
    return start, end, common[-1] if common else body


def is_carried(events: list[Event], loop: npu.LoopOp) -> bool:
    """Whether an iteration of `loop` may read what an earlier one wrote.

    Args:
        events: all accesses of one buffer, all inside the loop, in program order.
        loop: the loop.
    """
    written: list[Event] = []
    for event in events:
        if event.write:
            written.append(event)
        elif not _covered(event, written):
            return True
    return False


def _covered(read: Event, written: list[Event]) -> bool:
    """Whether earlier writes of the same iteration, that surely ran, contain all that is read."""
    moving: list[tuple[int, int]] = []
    """Intervals that move with the same index as the read."""
    resting: list[tuple[int, int]] = []
    target = read.window
    for write in written:
        window, rest = write.window, write.nest[_shared(write.nest, read.nest) :]
        if not rest and window.key == target.key:
            return True
        if not all(_surely_runs(block) for block in rest):
            continue
        same_index = window.index is target.index and window.index_stride == target.index_stride
        if not rest and same_index and window.dense:
            moving.append((window.low, window.high))
        if rest:
            window = window.spread()
        if window.index is None and window.dense:
            resting.append((window.low, window.high))
    return _contains(moving, target) or _contains(resting, target.spread())


def _surely_runs(block: Block) -> bool:
    loop = block.parent_op()
    if not isinstance(loop, npu.LoopOp) or loop.leaves:
        return False
    return loop.count is None and loop.maximum > 0


def _contains(intervals: list[tuple[int, int]], target: Window) -> bool:
    reached = target.low
    for low, high in sorted(intervals):
        if low <= reached:
            reached = max(reached, high)
    return reached >= target.high


def _shared(a: tuple[Block, ...], b: tuple[Block, ...]) -> int:
    depth = 0
    for x, y in zip(a, b, strict=False):
        if x is not y:
            break
        depth += 1
    return depth
