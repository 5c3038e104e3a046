"""nn.conv: shifted products on the matrix engine, in blocks that the memories hold.

The forms and their costs are those of `conv_form`; `tile-for-machine` chose one. Without its attributes the
whole is one block, with one product for each row of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.dialects.builtin import StringAttr, f32
from xdsl.ir import Attribute

from rnncc.dialects import nn, npu
from rnncc.dialects._types import type_of
from rnncc.passes._lower.attributes import FORM_ATTR, memory_of_value, tile_of
from rnncc.passes._lower.chain import chain_of
from rnncc.passes._lower.conv_follow import finish
from rnncc.passes._lower.conv_form import Form, Shape, sums_apart
from rnncc.passes._lower.conv_product import products
from rnncc.passes._lower.conv_stage import in_place, stage
from rnncc.passes._lower.conv_vector import multiply_add
from rnncc.passes._lower.conv_weights import Weights, weights_of_conv
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.narrow import NARROW
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.window import SPACE, Axis, axes_of


@dataclass(frozen=True)
class Job:
    """One convolution: what all of its blocks share."""

    op: nn.ConvOp
    form: Form
    axes: tuple[Axis, Axis, Axis]
    weights: Weights
    chain: list
    """Operations on each result that follow in place."""

    def shape(self, frames: int, rows: Axis) -> Shape:
        """The sizes of one block."""
        groups, inner = self.op.groups.value.data, self.weights.inner
        if self.form.span == "vector":
            # All channels side by side: the vector engine does not tell groups apart.
            groups, inner = 1, groups * inner
        return Shape(
            self.form, frames, rows, self.axes[2], self.axes[0].kernel,
            inner, self.weights.outer // groups, groups,
        )  # fmt: skip


def conv(low: Lowering, op: nn.ConvOp) -> None:
    """Cut the result into blocks of frames and rows, one depth at a time, and compute each."""
    text = op.attributes.get(FORM_ATTR)
    form = Form.read(text.data) if isinstance(text, StringAttr) else Form()
    axes = axes_of(op.slidings())
    chain = chain_of(op)
    last = chain[-1].results[0] if chain else op.result
    low.done.update(chain)
    x = spatial(low.get(op.x))
    dst = spatial(low.place(last, lambda v: _channel_last(low, v)))
    if dst.empty:
        return
    weights = weights_of_conv(low, op, form)
    job = Job(op, form, (axes[0], axes[1], axes[2]), weights, chain)
    frames, rows = tile_of(op) or (dst.dims[0].size, axes[1].count)

    def block(refs: list[Ref]) -> None:
        for first in range(0, axes[1].count, rows):
            count = min(rows, axes[1].count - first)
            start, part = axes[1].part(first, count)
            source = refs[1].slice(3, start, part.size)
            for place in range(axes[0].count):
                out = refs[0].slice(3, first, count).at(2, place)
                compute(low, job, out, source, job.shape(out.dims[0].size, part), place)

    # Blocks of frames only: the other dimensions of result and operand are not the same.
    space = [dst.dims[0], *[Dim(1)] * 4]
    low.blocks(space, [dst, x], [min(frames, dst.dims[0].size), 1, 1, 1, 1], block)


def spatial(ref: Ref) -> Ref:
    """A window with all three spatial dimensions: [n, c, d, h, w]."""
    while len(ref.dims) < 2 + SPACE:
        ref = ref.insert(2)
    return ref


def _channel_last(low: Lowering, value) -> Ref:
    """A fresh buffer, in vector memory with the channels innermost: a product writes runs of them."""
    dims = low.dims(value)
    if memory_of_value(value) != "vmem":
        return low.new(value)
    order = [0, *range(2, len(dims)), 1]
    new = low.alloc(
        [dims[i] for i in order], type_of(value).get_element_type(), "vmem", low.label(value)
    )
    return new.transpose([order.index(i) for i in range(len(order))])


def compute(low: Lowering, job: Job, dst: Ref, x: Ref, shape: Shape, place: int) -> None:
    """One block at one depth: dst [n, m, h, w] from x [n, c, d, h, w]."""
    deep = job.axes[0]
    planes = [k for k in range(deep.kernel) if deep.inside(k)[0] <= place < deep.inside(k)[1]]
    depths = [place * deep.stride + k * deep.dilation - deep.low for k in planes]
    padded = shape.rows.padded or shape.columns.padded or deep.kernel > 1
    flat = x.slice(2, depths[0], 1) if depths else x
    at = in_place(flat, shape, padded) or stage(low, x, shape, depths)
    direct = dst.memory == "vmem" and shape.form.span in ("row", "vector")
    if dst.element in NARROW and planes and sums_apart(shape):
        total = _room(low, dst, shape, f32)
        out = dst if dst.memory == "vmem" else low.staging(dst)
    else:
        total = out = dst if direct else _room(low, dst, shape, dst.element)
    if not planes:
        low.fill(out, 0)
    elif shape.form.span == "vector":
        multiply_add(low, total, at, shape, job.weights, planes)
    else:
        products(low, job.weights, total, at, shape, planes)
    if total is not out:
        low.walk([out, total], npu.ConvertOp)
    finish(low, job.chain, dst, out)


def _room(low: Lowering, dst: Ref, shape: Shape, element: Attribute) -> Ref:
    """Room for a block of results with the pixels that are dropped: the window of those that are not."""
    outer = shape.outer * shape.groups
    spread = shape.form.span in ("frame", "batch")
    pitch = shape.pitch if spread else shape.columns.count
    rows = shape.height if shape.form.span == "batch" else shape.rows.count
    elements = Dim(shape.frames * rows * pitch * outer)
    if element == dst.element:
        pair = low.staging(replace(dst, dims=(elements,), strides=(1,)))
    else:
        pair = low.alloc([elements], element, name="sum")
    strides = (rows * pitch * outer, 1, pitch * outer, outer)
    return replace(pair, dims=dst.dims, strides=strides)


HANDLERS = {nn.ConvOp: conv}
