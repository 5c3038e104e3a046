"""Which form and which block a convolution or pooling takes on a machine: attributes for the lowering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._nn_base import ints
from rnncc.dialects._types import is_float, shape_of, type_of
from rnncc.errors import CapacityError
from rnncc.machine import MachineDescription
from rnncc.passes._lower.attributes import (
    FORM_ATTR,
    PIECE_ATTR,
    ROOM_ATTR,
    TILE_ATTR,
    WEIGHTS_ATTR,
    panels_of,
)
from rnncc.passes._lower.budget import Budget, itembytes
from rnncc.passes._lower.conv_form import Form, Shape, cycles, forms, sums_apart
from rnncc.passes._lower.lowering import describe
from rnncc.passes._lower.narrow import is_narrow, wide_bytes
from rnncc.passes._lower.panels import even
from rnncc.passes._lower.window import axes_of

BUFFERS = 2
"""Blocks of an off-chip operand in vector memory: one in use, one on its way."""


def shape_of_conv(op: nn.ConvOp, form: Form, frames: int, rows: int | None = None) -> Shape:
    """The largest block of `frames` and `rows` (all without)."""
    _, down, across = axes_of(op.slidings())
    depth = axes_of(op.slidings())[0]
    groups = op.groups.value.data
    weights = shape_of(op.w)
    if rows is not None and rows < down.count:
        down = replace(down, count=rows)
    inner, outer = weights[1], weights[0] // groups
    return Shape(form, frames, down, across, depth.kernel, inner, outer, groups)


Plan = tuple[int, Form, int, int]
"""Cycles by `conv_form`'s formula, form, frames and rows of a block."""


def plan_conv(
    op: nn.ConvOp,
    budget: Budget,
    choose: Callable[[nn.ConvOp, list[Plan]], Plan],
    least: int = 1,
) -> None:
    """Set form, block (frames, rows) and piece of k of a convolution.

    Args:
        op: the convolution.
        budget: what the memories hold.
        choose: takes one of the plans that fit (see `_conv_trial`).
        least: blocks of frames at least, as far as there are frames.

    Raises:
        CapacityError: the vector memory does not hold one row of windows.
    """
    found = list(_plans(op, budget, least))
    if not found:
        smallest = shape_of_conv(op, Form(), 1, 1)
        raise CapacityError(
            f"{describe(op)}: one row of windows takes {_bytes(op, smallest, BUFFERS)} bytes of vector memory, "
            f"{budget.machine.name} has {budget.vmem}"
        )
    _, form, frames, rows = choose(op, found)
    op.attributes[FORM_ATTR] = StringAttr(form.text)
    op.attributes[TILE_ATTR] = ints([frames, rows])
    set_piece(op, op, form, budget.machine)


def set_piece(to: nn.ConvOp, op: nn.ConvOp, form: Form, machine: MachineDescription) -> None:
    """Tell the lowering of `to` the longest k of a panel of the streamed weights of `op`, where that is cut.

    Where a panel of the whole k has fewer rows than the array, a shorter k fills it, in products that accumulate.
    """
    room, native = op.attributes.get(ROOM_ATTR), machine.matrix
    streamed = op.attributes.get(WEIGHTS_ATTR) == StringAttr("streamed")
    if not streamed or not isinstance(room, IntegerAttr):
        return
    shape = shape_of_conv(op, form, 1)
    most = room.value.data // (panels_of(op) * itembytes(op.x) * min(native.rows, shape.outer))
    together = is_narrow(op.x) and not sums_apart(shape)
    if native.columns <= most < shape.k and not together:
        piece = most // native.columns * native.columns
        to.attributes[PIECE_ATTR] = IntegerAttr(piece, i64)


def _bytes(op: nn.ConvOp, shape: Shape, buffers: int) -> int:
    vector = shape.form.span == "vector"
    scratch = shape.output if vector else 0
    if is_narrow(op.x) and sums_apart(shape):
        scratch += shape.output + (shape.input if vector else 0)
    return buffers * (shape.input + shape.output) * itembytes(op.x) + scratch * wide_bytes(op.x)


def _plans(op: nn.ConvOp, budget: Budget, least: int) -> Iterator[Plan]:
    frames, rows = shape_of(op.result)[0], axes_of(op.slidings())[1].count
    element = str(type_of(op.x).get_element_type())
    deep = axes_of(op.slidings())[0].count
    for form in forms(shape_of(op.w)[1] == 1 and is_float(type_of(op.x).get_element_type())):
        together = max(1, frames // least)
        block = _largest(op, form, budget, together, rows)
        if block is None or (form.span == "batch" and block[1] < rows):
            continue
        shape = shape_of_conv(op, form, *block)
        blocks = -(-frames // block[0]) * -(-rows // block[1]) * deep
        yield blocks * cycles(budget.machine, shape, element), form, *block


def _largest(
    op: nn.ConvOp, form: Form, budget: Budget, frames: int, rows: int
) -> tuple[int, int] | None:
    """Frames and rows of the largest block: all, some whole frames, or some rows of one."""

    def fits(n: int, r: int, room: int) -> bool:
        buffers = 1 if (n, r) == (frames, rows) else BUFFERS
        return _bytes(op, shape_of_conv(op, form, n, r), buffers) <= room

    if fits(frames, rows, budget.staging):
        return frames, rows
    some = _most(frames, lambda n: fits(n, rows, budget.staging))
    if some:
        return even(frames, some), rows
    part = _most(rows, lambda r: fits(1, r, budget.staging))
    if part:
        return 1, even(rows, part)
    # Where vector memory is very small one row may take more than its share.
    return (1, 1) if fits(1, 1, budget.vmem) else None


def _most(limit: int, fits) -> int:
    """The largest number up to `limit` that fits, 0 for none; what fits, fits when smaller."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def plan_pool(op: nn.PoolOp, budget: Budget, off_chip: tuple[SSAValue, ...]) -> None:
    """Set the block (frames, channels, rows) of a pooling that works on off-chip tensors.

    Raises:
        CapacityError: the vector memory does not hold one row of windows of one channel.
    """
    frames, channels = shape_of(op.x)[:2]
    depth, down, across = axes_of(op.slidings())
    item = itembytes(op.x)

    def taken(n: int, c: int, r: int) -> int:
        _, part = down.part(0, r)
        plane = depth.size * min(down.size, part.reach + (r - 1) * down.stride) * across.size
        result = depth.count * r * across.count
        buffers = 1 if (n, c, r) == (frames, channels, down.count) else BUFFERS
        return n * c * item * (buffers * (plane + result) + scratch_pool(plane, result))

    def scratch_pool(plane: int, result: int) -> int:
        narrow = item < 4 and op.kind.data == "average"
        return plane + (2 * plane + result) * 2 * narrow

    tile = [frames, channels, down.count]
    for axis in range(3):
        if taken(tile[0], tile[1], tile[2]) <= budget.staging:
            break
        rest = tile[axis + 1 :]
        most = _most(
            tile[axis],
            lambda n, axis=axis, rest=rest: (
                taken(*([1] * axis), n, *rest) <= budget.staging  # pyright: ignore
            ),
        )
        tile[axis] = even(tile[axis], most) if most else 1
    if taken(tile[0], tile[1], tile[2]) > budget.vmem:
        raise CapacityError(
            f"{describe(op)}: one row of windows takes {taken(1, 1, 1)} bytes of vector memory, "
            f"{budget.machine.name} has {budget.vmem}"
        )
    if off_chip or taken(tile[0], tile[1], tile[2]) > budget.staging:
        op.attributes[TILE_ATTR] = ints(tile)
