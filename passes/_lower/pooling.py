"""nn.pool: the largest or the sum over the elements of a window, one strided instruction each.

Padding is never materialised: an element of the window that lies in the padding for some outputs is
combined into the others only. Where windows overlap, one dimension after the other takes fewer
instructions' work (k + k instead of k * k for each output).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product as every
from math import prod

import numpy as np

from rnncc.dialects import nn, npu
from rnncc.dialects._types import element_type, numpy_dtype
from rnncc.passes._lower.attributes import tile_of
from rnncc.passes._lower.convolution import spatial
from rnncc.passes._lower.dims import ONE, Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.narrow import rounded, wide, widened
from rnncc.passes._lower.reduction import identity
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.window import SPACE, Axis, axes_of

COMBINE = {"max": "max", "average": "add"}


def pool(low: Lowering, op: nn.PoolOp) -> None:
    """Cut into blocks of frames, channels and rows; pool each."""
    axes = axes_of(op.slidings())
    dst, x = spatial(low.place(op.result)), spatial(low.get(op.x))
    tile = tile_of(op) or (*dst.sizes[:2], axes[1].count)
    counts = None if op.kind.data == "max" else _counts(low, op, x)

    def block(refs: list[Ref]) -> None:
        for first in range(0, axes[1].count, tile[2]):
            count = min(tile[2], axes[1].count - first)
            start, part = axes[1].part(first, count)
            own = [axes[0], part, axes[2]]
            source, out = refs[1].slice(3, start, part.size), refs[0].slice(3, first, count)
            divisor = counts
            if counts is not None and counts.strides[3]:
                divisor = counts.slice(3, first, count)
            _staged(low, op.kind.data, out, source, own, divisor)

    if dst.empty:
        return
    space = [dst.dims[0], dst.dims[1], ONE, ONE, ONE]
    low.blocks(space, [dst, x], [*tile[:2], 1, 1, 1], block)


def _staged(
    low: Lowering, kind: str, dst: Ref, x: Ref, axes: Sequence[Axis], counts: Ref | None
) -> None:
    def inside(out: Ref, source: Ref) -> None:
        if kind == "max":
            combine(low, "max", out, source, axes)
            return
        assert counts is not None
        divisor = low.load(counts).broadcast(out.dims)

        def mean(work: Ref) -> None:
            combine(low, "add", work, widened(low, source), axes)
            low.walk([work, work, divisor], lambda d, a, b, **x: npu.BinaryOp("div", d, a, b, **x))

        rounded(low, out, mean)

    low.staged(dst, [x], inside)


def _counts(low: Lowering, op: nn.PoolOp, x: Ref) -> Ref:
    """What each output is divided by: [1, 1, d, h, w]; one number where all are equal."""
    include = op.include_pad is not None
    lines = [s.divisors(include) for s in op.slidings()]
    dtype = numpy_dtype(wide(x.element))
    if all(len(set(line)) == 1 for line in lines):
        one = low.number(float(prod(line[0] for line in lines)), element_type(dtype))
        return replace(one, dims=(ONE,) * 5, strides=(0,) * 5)
    table = np.ones((1,) * (5 - len(lines)), dtype)
    for line in lines:
        table = table[..., None] * np.array(line, dtype)
    table = table.reshape((1,) * (5 - table.ndim) + table.shape)
    ref = low.constant(nn.WeightAttr("", np.ascontiguousarray(table)), "window sizes")
    return ref


def combine(low: Lowering, kind: str, dst: Ref, x: Ref, axes: Sequence[Axis]) -> None:
    """Combine the elements of each window of x [n, c, d, h, w]: all at once, or dimension by dimension."""
    sliding = [i for i in range(SPACE) if axes[i].kernel > 1]
    order = sorted(sliding, key=lambda i: axes[i].count / max(1, axes[i].size))
    apart, sizes = 0, [a.size for a in axes]
    for i in order:
        sizes[i] = axes[i].count
        apart += axes[i].kernel * prod(sizes)
    together = prod(a.kernel for a in axes) * prod(a.count for a in axes)
    if len(sliding) < 2 or together <= apart:
        windows(low, kind, dst, x, axes)
        return
    # Strides of dimensions without a window are taken with the first step.
    plain = [Axis(a.size, count=a.size) for a in axes]
    for i in range(SPACE):
        if i not in sliding:
            plain[i] = axes[i]
    for number, i in enumerate(order):
        step = [axes[i] if j == i else plain[j] for j in range(SPACE)]
        last = number == len(order) - 1
        dims = [*x.dims[:2], *(Dim(a.count) for a in step)]
        into = dst if last else low.alloc(dims, x.element, name="partial")
        windows(low, kind, into, x, step)
        x = into
        plain = [Axis(a.count, count=a.count) for a in step]


def windows(low: Lowering, kind: str, dst: Ref, x: Ref, axes: Sequence[Axis]) -> None:
    """``dst = kind over the window of x``: one instruction for each element of the window."""
    places = [*every(*(range(a.kernel) for a in axes))]
    whole = [all(a.inside(k) == (0, a.count) for a, k in zip(axes, p, strict=True)) for p in places]
    if any(whole):
        # An element that no output misses begins: it is copied, and no initial value is needed.
        places.insert(0, places.pop(whole.index(True)))
    else:
        low.fill(dst, identity("sum" if kind == "add" else kind, dst.element))
    for number, place in enumerate(places):
        bounds = [a.inside(k) for a, k in zip(axes, place, strict=True)]
        if any(first >= last for first, last in bounds):
            continue
        out, source = dst, x
        for i, (axis, k, (first, last)) in enumerate(zip(axes, place, bounds, strict=True)):
            start = first * axis.stride + k * axis.dilation - axis.low
            out = out.slice(2 + i, first, last - first)
            source = source.slice(2 + i, start, last - first, axis.stride)
        if any(whole) and not number:
            low.copy(out, source)
        else:
            low.walk([out, out, source], lambda d, a, b, **e: npu.BinaryOp(kind, d, a, b, **e))


HANDLERS = {nn.PoolOp: pool}
