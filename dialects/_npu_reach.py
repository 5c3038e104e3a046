"""What views and instructions reach: buffers, strides, and the elements that may be touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.ir import Attribute, BlockArgument, SSAValue

from rnncc.dialects._npu_memory import ConstOp
from rnncc.dialects._npu_span import element_strides, span_of
from rnncc.dialects._npu_types import BufferType, ViewType, row_major
from rnncc.dialects._npu_view import ViewOp
from rnncc.dialects._weights import array_of

if TYPE_CHECKING:
    from rnncc.dialects._npu_instruction import InstructionOp


def buffer_of(view: SSAValue) -> SSAValue:
    """The buffer behind a view (a buffer is returned as it is)."""
    return view.owner.buffer if isinstance(view.owner, ViewOp) else view


def strides_of(buffer: SSAValue) -> tuple[int, ...]:
    """Address strides of a buffer's dimensions, in elements.

    Row-major for everything but a constant whose array is transposed or sliced.
    """
    assert isinstance(buffer.type, BufferType)
    if isinstance(buffer.owner, ConstOp):
        return element_strides(array_of(buffer.owner.value))
    return row_major(buffer.type.dims)


def address_range(buffer: SSAValue) -> tuple[int, int]:
    """Lowest and one past the highest legal element address of a buffer."""
    assert isinstance(buffer.type, BufferType)
    if isinstance(buffer.owner, ConstOp):
        return span_of(array_of(buffer.owner.value))
    return 0, buffer.type.elements


def index_limit(view: ViewOp) -> int | None:
    """One past the largest value of the view's index, None when unknown; 1 without index."""
    if view.index is None:
        return 1
    owner = view.index.owner
    if isinstance(view.index, BlockArgument):
        loop = owner.parent_op()  # type: ignore[union-attr]
        maximum = getattr(loop, "maximum", None)
        return maximum if isinstance(maximum, int) else None
    return None


def element_of(view: SSAValue) -> Attribute:
    """Element type of a view."""
    assert isinstance(view.type, ViewType)
    return view.type.element_type


def static_span(op: InstructionOp, name: str, view: ViewOp) -> tuple[int, int] | None:
    """Lowest and one past the highest element that `op` may touch through `view`.

    None when a run-time register decides it, (0, 0) when nothing is touched.
    """
    if any(op.operands[len(op.VIEWS) :]):
        return None
    extents = op.extent_values
    if 0 in extents:
        return 0, 0
    limit = index_limit(view)
    if limit is None:
        return None
    strides = view.stride_values
    ends = [(count - 1) * strides[axis] for axis, count, _ in op.counts(name)]
    ends.append((max(limit, 1) - 1) * view.index_stride.value.data)
    offset = view.offset.value.data
    return offset + sum(min(0, e) for e in ends), offset + sum(max(0, e) for e in ends) + 1
