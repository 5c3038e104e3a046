"""Which elements of which buffer an operation touches: the facts behind every reordering.

A *window* is an interval of elements, exact enough to tell two rows or two columns of a buffer
apart. Windows whose index is the same register move together and are compared at index 0; any
other pair is compared over everything the indices can reach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import npu
from rnncc.passes._register_limits import index_limit, register_limit

WHOLE = 1 << 60
"""Beyond every buffer: the bound of a window that a register decides."""


@dataclass(frozen=True, slots=True)
class Window:
    """The elements [low, high) of a buffer, moved by ``index * index_stride``.

    Attributes:
        buffer: the buffer.
        low: first element at index 0.
        high: one past the last element at index 0.
        index: register that moves it, None when it stays.
        index_stride: elements a step.
        period: distance of its rows when they are apart from one another, else 0.
        inner: elements from the start of a row to the end of its last element.
        dense: every element of the interval is touched, whatever the registers are.
        key: equal keys touch exactly the same elements in the same turn.
    """

    buffer: SSAValue
    low: int
    high: int
    index: SSAValue | None
    index_stride: int
    period: int
    inner: int
    dense: bool
    key: tuple[object, ...]

    def spread(self) -> Window:
        """The window over all values of its index.

        Where the index moves by more than the window covers, that is rows with gaps between them.
        """
        if self.index is None:
            return self
        limit, step, size = index_limit(self.index), abs(self.index_stride), self.high - self.low
        period, inner = self.period, self.inner
        if size < step:
            period, inner = step, size
        elif period and step % period:
            period = 0
        if limit is None:
            # Rows stay where they are, relative to the period.
            far = WHOLE - WHOLE % (period or 1)
            low, high = self.low - far, self.high + far
            return replace(
                self, low=low, high=high, index=None, period=period, inner=inner, dense=False
            )
        reach = (limit - 1) * self.index_stride
        low, high = self.low + min(0, reach), self.high + max(0, reach)
        dense = self.dense and step == size
        return replace(
            self, low=low, high=high, index=None, period=period, inner=inner, dense=dense
        )


@dataclass(frozen=True, slots=True)
class Access:
    """A window and whether it is written."""

    window: Window
    write: bool

    def spread(self) -> Access:
        """The access over all values of its index."""
        return Access(self.window.spread(), self.write)


def overlap(a: Window, b: Window) -> bool:
    """Whether two windows may share an element in one turn of their common loops."""
    if a.buffer is not b.buffer:
        return False
    if a.index is not b.index or a.index_stride != b.index_stride:
        a, b = a.spread(), b.spread()
    if a.high <= b.low or b.high <= a.low:
        return False
    if a.period and a.period == b.period:
        # Columns of one matrix: rows interleave, yet never share an element.
        gap = (b.low - a.low) % a.period
        return gap < a.inner or a.period - gap < b.inner
    return True


def window_of(op: npu.InstructionOp, name: str) -> Window | None:
    """The window of an operand of an instruction; None when it touches nothing."""
    view = op.operands[op.VIEWS.index(name)].owner
    assert isinstance(view, npu.ViewOp)
    counts = op.counts(name)
    if any(count == 0 for _, count, _ in counts):
        return None
    strides, offset = view.stride_values, view.offset.value.data
    exact, low, high = True, offset, offset + 1
    axes: list[tuple[int, int]] = []
    for axis, static, dim in counts:
        count: int | None = static
        if dim is not None:
            exact = False
            limit = register_limit(dim)
            count = None if limit is None else static * limit
        if count is None:
            low, high = -WHOLE, WHOLE
            break
        if count > 1 and strides[axis]:
            axes.append((abs(strides[axis]), count))
            reach = (count - 1) * strides[axis]
            low, high = low + min(0, reach), high + max(0, reach)
    period, inner, dense = _rows(sorted(axes))
    # Which axis walks a stride does not matter: equal walks of different instructions compare equal.
    walk = sorted(
        (strides[axis], count, "" if dim is None else str(id(dim)))
        for axis, count, dim in counts
        if dim is not None or (count != 1 and strides[axis])
    )
    key = (offset, view.index, view.index_stride.value.data, *walk)
    return Window(
        view.buffer, low, high, view.index, view.index_stride.value.data,
        period if low > -WHOLE else 0, inner, dense and exact and low > -WHOLE, key,
    )  # fmt: skip


def _rows(axes: list[tuple[int, int]]) -> tuple[int, int, bool]:
    """Period, inner extent and density of axes (stride, count) sorted by stride."""
    inner, dense = 1, True
    for position, (stride, count) in enumerate(axes):
        if stride > inner:
            # Rows apart. One period can be told; more than one is only an interval.
            return (stride if position == len(axes) - 1 else 0), inner, False
        dense = dense and stride <= inner
        inner += (count - 1) * stride
    return 0, inner, dense


class AccessTable:
    """What operations touch, found once; make a new one when operations change."""

    def __init__(self) -> None:
        self._direct: dict[Operation, list[Access]] = {}
        self._summary: dict[Operation, list[Access]] = {}

    def direct(self, op: Operation) -> list[Access]:
        """Windows of one instruction or scalar read, reads first; nothing for other operations."""
        if op not in self._direct:
            self._direct[op] = _direct_accesses(op)
        return self._direct[op]

    def of(self, op: Operation) -> list[Access]:
        """Windows of an operation as its own block sees them: loops and branches summed up."""
        if not op.regions:
            return self.direct(op)
        if op not in self._summary:
            inside: dict[Access, None] = {}
            for region in op.regions:
                for block in region.blocks:
                    for inner in block.ops:
                        for access in self.of(inner):
                            moved = _defined_inside(access.window.index, op)
                            inside[access.spread() if moved else access] = None
            self._summary[op] = list(inside)
        return self._summary[op]


def _direct_accesses(op: Operation) -> list[Access]:
    if isinstance(op, npu.InstructionOp):
        windows = {name: window_of(op, name) for name in op.VIEWS}
        names = list(op.VIEWS[1:])
        if op.dst in op.reads:
            names.append(op.VIEWS[0])
        found = [Access(w, write=False) for name in names if (w := windows[name]) is not None]
        if (target := windows[op.VIEWS[0]]) is not None:
            found.append(Access(target, write=True))
        return found
    if isinstance(op, npu.ReadOp):
        view = op.view.owner
        assert isinstance(view, npu.ViewOp)
        offset, stride = view.offset.value.data, view.index_stride.value.data
        key = (offset, view.index, stride)
        window = Window(view.buffer, offset, offset + 1, view.index, stride, 0, 1, True, key)
        return [Access(window, write=False)]
    return []


def _defined_inside(index: SSAValue | None, op: Operation) -> bool:
    """Whether a register is defined in a region of `op`."""
    if index is None:
        return False
    owner = index.owner
    current = owner if isinstance(owner, Operation) else owner.parent_op()
    if isinstance(owner, Block) and current is op:
        return True
    while current is not None:
        parent = current.parent_op()
        if parent is op:
            return True
        current = parent
    return False
