"""The padded, channel-last copy of a block's input that a convolution works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rnncc.dialects import npu
from rnncc.passes._lower.conv_form import Shape
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.window import Axis


@dataclass(frozen=True)
class Staged:
    """Input of a block as products see it.

    Attributes:
        start: the first element, of the first group, plane and phase, as a window without dimensions.
        group: elements from a group to the next.
        plane: elements from one depth of the window to the next.
        phase: elements from one phase (row modulo stride) to the next.
        frame: elements from a frame to the next.
        row: elements from a row of windows to the next, and from a row of a phase to the next.
        pixel: elements from a window to the next.
        column: elements from one column to the next.
        channel: elements from one channel to the next.
        frames: how many frames there are.
    """

    start: Ref
    group: int
    plane: int
    phase: int
    frame: int
    row: int
    pixel: int
    column: int
    channel: int
    frames: Dim


def in_place(x: Ref, shape: Shape, padded: bool) -> Staged | None:
    """The operand itself where it is in vector memory and needs neither padding nor copies."""
    if padded or x.memory != "vmem" or shape.form.columns or shape.form.span != "row":
        return None
    if shape.rows.stride > 1 and shape.rows.kernel > 1:
        return None
    frame, channel, _, row, column = x.strides
    start = replace(x, dims=(), strides=())
    pitch = row * shape.rows.stride
    return Staged(
        start, channel * shape.inner, 0, 0, frame, pitch, column * shape.columns.stride,
        column, channel, x.dims[0],
    )  # fmt: skip


def stage(low: Lowering, x: Ref, shape: Shape, planes: list[int]) -> Staged:
    """Copy the depths `planes` of a block's input [n, c, d, h, w] side by side, padded by zeros."""
    deep, height, width = shape.depth, shape.height, shape.width
    frames = x.dims[0]
    row = width * deep
    frame = height * row
    phase = frames.size * frame + (shape.tail if shape.form.span in ("frame", "batch") else 0)
    plane = phase * len(shape.phases)
    group = plane * max(1, len(planes))
    elements = group * shape.groups
    start = _buffer(low, x, elements, shape.rows.padded or shape.columns.padded)
    at = Staged(
        start, group, plane, phase, frame, row, shape.columns.stride * deep, deep, 1, frames
    )
    for number, depth in enumerate(planes):
        _copies(low, x.at(2, depth), at, number, shape)
    return at


def _buffer(low: Lowering, x: Ref, elements: int, padded: bool) -> Ref:
    """Room for a block, two that take turns where a loop moves the block; zeroed once, outside of it."""
    moves = any(low.level_of(reg) == low.depth for reg, _ in x.index)
    loops = [d for d, scope in enumerate(low.scopes) if scope.index is not None]
    if not loops or not (moves or padded):
        whole = low.alloc([Dim(elements)], x.element, name="windows")
        if padded:
            _zero(low, whole)
        return whole.at(0, 0)
    with low.at(loops[-1] - 1):
        rooms = low.alloc([Dim(2 if moves else 1), Dim(elements)], x.element, name="windows")
        if padded:
            _zero(low, rooms)
    index = low.scope.index
    turn = low.scalar("mod", index, 2) if moves and index is not None else 0
    return replace(rooms.at(0, turn).at(0, 0), level=low.depth)


def _zero(low: Lowering, room: Ref) -> None:
    """Zero everywhere, by DMA from one zero: the vector engine has work of the step before to finish."""
    low.walk([room, low.number(0, room.element).broadcast(room.dims)], npu.DmaOp)


def _copies(low: Lowering, x: Ref, at: Staged, plane: int, shape: Shape) -> None:
    """One plane [n, c, h, w] of the input to its places in all phases or rows of the kernel."""
    left = shape.columns.low
    across = min(shape.columns.size, shape.width - left)
    if across <= 0 or not x.dims[2].size:
        return
    frames, _, rows, _ = x.dims
    frame, channel, down, right = x.strides
    dims = (frames, Dim(shape.groups), Dim(shape.inner), rows, Dim(across))
    source = replace(x, dims=dims, strides=(frame, channel * shape.inner, channel, down, right))

    def copy(phase: int, shift: int, begin: int, first: int, last: int) -> None:
        """Rows begin, begin+stride, ... of x to the rows first .. last-1 of a phase."""
        if last <= first:
            return
        part = source.slice(3, begin, last - first, shape.rows.stride)
        to = at.start.moved(plane * at.plane + phase * at.phase, 1)
        to = to.moved(first * at.row + left * at.column + shift, 1)
        strides = (at.frame, at.group, at.channel, at.row, at.column)
        low.walk([replace(to, dims=part.dims, strides=strides), part], npu.DmaOp)

    axis = shape.rows
    if shape.form.columns:
        for k in range(axis.kernel):
            first, last = axis.inside(k)
            begin = first * axis.stride + k * axis.dilation - axis.low
            copy(0, k * shape.inner, begin, first, last)
        return
    for number, phase in enumerate(shape.phases):
        # Row q of a phase is row q * stride + phase of the padded input.
        lines = Axis(axis.size, 1, axis.stride, 1, axis.low - phase, shape.height)
        first, last = lines.inside(0)
        copy(number, 0, first * axis.stride - lines.low, first, last)
