"""nn.reduce: sums, means, products and extremes over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from xdsl.ir import Attribute

from rnncc.dialects import nn, npu
from rnncc.dialects._types import is_float, numpy_dtype
from rnncc.passes._lower.attributes import tile_of
from rnncc.passes._lower.dims import Dim, collapse
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.narrow import NARROW, rounded, wide, widened
from rnncc.passes._lower.ref import Index, Ref
from rnncc.passes._lower.scalars import in_register

COMBINE = {"sum": "add", "mean": "add", "max": "max", "min": "min", "prod": "mul"}
"""The operation that joins the partial results of blocks of a reduced axis."""
SUMS = ("sum", "mean", "prod")
"""Kinds whose partial results would be rounded."""


def reduce_(low: Lowering, op: nn.ReduceOp) -> None:
    """Sum, product, extremes by one instruction a group of axes; the mean divides the sum."""
    if in_register(low, op):
        return
    kind, axes = op.kind.data, [*op.axes.get_values()]
    source = low.get(op.x)
    target = kept(low.place(op.result), axes, op.keepdims is None)
    tile = tile_of(op)
    cut = tile is not None and any(tile[a] < source.dims[a].size for a in axes)

    def block(refs: list[Ref]) -> None:
        if not cut:
            low.staged(refs[0], refs[1:], lambda d, a: _reduce(low, kind, d, a, axes))
            return
        low.staged(refs[0], [], lambda d: _in_blocks(low, kind, d, refs[1], axes, tile))

    outer = tile
    if cut and tile is not None:
        outer = tuple(source.dims[i].size if i in axes else t for i, t in enumerate(tile))
    low.blocks(source.dims, [target, source], outer, block)


def _in_blocks(low: Lowering, kind: str, dst: Ref, src: Ref, axes: list[int], tile) -> None:
    """Reduce axes of which vector memory holds only blocks, joining the blocks' results."""
    base = "sum" if kind == "mean" else kind
    short = kind in SUMS and dst.element in NARROW
    total = low.alloc(dst.dims, wide(dst.element) if short else dst.element, name="total")
    low.fill(total, identity(base, total.element))

    def block(refs: list[Ref]) -> None:
        values = low.load(refs[1])
        if short:
            values = widened(low, values)
        part = low.alloc(refs[0].dims, total.element, name="part")
        accumulate(low, base, part, values, axes)
        low.walk(
            [refs[0], refs[0], part],
            lambda d, a, b, **x: npu.BinaryOp(COMBINE[kind], d, a, b, **x),
        )

    sizes = [min(t, d.size) for t, d in zip(tile, src.dims, strict=True)]
    low.blocks(src.dims, [total, src], sizes, block)
    if kind == "mean":
        _divide(low, total, [src.dims[a] for a in axes])
    if short:
        low.walk([dst, total], npu.ConvertOp)
    else:
        low.copy(dst, total)


def kept(ref: Ref, axes: Sequence[int], missing: bool) -> Ref:
    """The result with an extent of 1 and a stride of 0 in place of each reduced axis."""
    for axis in axes:
        ref = ref.insert(axis) if missing else ref.slice(axis, 0, 1, 0)
    return ref


def _reduce(low: Lowering, kind: str, dst: Ref, src: Ref, axes: Sequence[int]) -> None:
    if kind != "mean":
        accumulate(low, kind, dst, src, axes)
        return

    def mean(work: Ref) -> None:
        # The sum of a mean may leave the range of the short formats.
        accumulate(low, "sum", work, widened(low, src), axes)
        _divide(low, work, [src.dims[a] for a in axes])

    rounded(low, dst, mean)


def _divide(low: Lowering, total: Ref, dims: Sequence[Dim]) -> None:
    """A sum becomes the mean over `dims`."""
    count = counted(low, dims, total.element).broadcast(total.dims)
    low.walk([total, total, count], lambda d, a, b, **x: npu.BinaryOp("div", d, a, b, **x))


def counted(low: Lowering, dims: Sequence[Dim], element: Attribute) -> Ref:
    """The number of elements of the extents, as a value in vector memory."""
    fixed = int(np.prod([d.size for d in dims if d.reg is None], dtype=np.int64))
    running: Index = 1
    largest = 1
    for dim in dims:
        if dim.reg is not None:
            running = low.scalar("mul", running, low.extent(dim))
            largest *= dim.size
    value = float(fixed) if is_float(element) else fixed
    if isinstance(running, int):
        return low.number(value, element)
    # There is no move from a register to memory: look the number up in a table of all of them.
    line = replace(low.counting(largest + 1, element).at(0, running), level=low.level_of(running))
    if fixed == 1:
        return line
    product = low.alloc([], element, name="count")
    factor = low.number(value, element)
    low.walk([product, line, factor], lambda d, a, b, **x: npu.BinaryOp("mul", d, a, b, **x))
    return product


def accumulate(low: Lowering, kind: str, dst: Ref, src: Ref, axes: Sequence[int]) -> None:
    """Reduce `axes` of `src` into `dst`, which has extents of 1 there."""
    live = [a for a in axes if not src.dims[a].is_one]
    if dst.empty:
        return
    if not live:
        low.copy(dst, src)
        return
    if any(src.dims[a].size == 0 for a in live):
        low.fill(dst, identity(kind, dst.element))
        return
    live.sort(key=lambda a: -abs(src.strides[a]))
    dims, (steps,) = collapse([src.dims[a] for a in live], [[src.strides[a] for a in live]])
    if len(dims) > 1 and kind in SUMS and src.element in NARROW:
        # One instruction rounds once by itself.
        rounded(low, dst, lambda work: accumulate(low, kind, work, widened(low, src), axes))
        return
    rest = [a for a in range(len(src.dims)) if a not in live]
    flat = Ref(
        src.buffer,
        (*(src.dims[a] for a in rest), *dims),
        (*(src.strides[a] for a in rest), *steps),
        src.offset,
        src.index,
        src.level,
    )
    out = dst.transpose([*rest, *live])
    out = replace(out, dims=out.dims[: len(rest)], strides=out.strides[: len(rest)])
    while True:
        last = len(flat.dims) == len(rest) + 1
        into = out if last else low.alloc(flat.dims[:-1], dst.element, name="partial")
        low.walk(
            [into.insert(len(into.dims)), flat],
            lambda d, a, **x: npu.ReduceOp(kind, d, a, **x),
            fixed=1,
        )
        if last:
            return
        flat = into


def identity(kind: str, element: Attribute) -> float | int:
    """What reducing nothing gives."""
    dtype = numpy_dtype(element)
    if kind in ("sum", "prod"):
        value = 0 if kind == "sum" else 1
        return float(value) if is_float(element) else value
    sign = -1 if kind == "max" else 1
    if is_float(element):
        return sign * float("inf")
    if dtype == np.bool_:
        return 0 if kind == "max" else 1
    bounds = np.iinfo(dtype)
    return int(bounds.min if kind == "max" else bounds.max)


HANDLERS = {nn.ReduceOp: reduce_}
