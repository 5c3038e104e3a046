"""nn.matmul: weights into the weight memory, then mega-products."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from xdsl.dialects.builtin import StringAttr

from rnncc.dialects import nn, npu
from rnncc.passes._lower.lowering import OUTER_ATTR, WEIGHTS_ATTR, Lowering, tile_of
from rnncc.passes._lower.ref import ONE, Dim, Ref, collapse
from rnncc.passes._lower.storage import stationary_left

BATCH_UNROLL = 4
"""Products of a batch that are written out rather than looped over."""


def matmul(low: Lowering, op: nn.MatmulOp) -> None:
    """Bring the product to x [batch, m, k], w [batch, n, k], and emit it."""
    dst, x, w = low.place(op.result), low.get(op.a), low.get(op.b)
    if op.transpose_b is None:
        w = _swap(w)
    batch = dst.dims[:-2]
    if dst.empty:
        return
    if any(d.size == 0 for d in x.dims):
        low.fill(dst, 0)
        return
    x, w = (r.broadcast((*batch, *r.dims[-2:])) for r in (x, w))
    if stationary_left(op):
        dst, x, w = _swap(dst), w, x
    tile = tile_of(op) or (max(1, prod(dst.sizes[:-1])), dst.sizes[-1], x.sizes[-1])
    streamed = op.attributes.get(WEIGHTS_ATTR) == StringAttr("streamed")
    outer = op.attributes.get(OUTER_ATTR, StringAttr("n"))
    batched(low, dst, x, w, Plan(tile, streamed, outer == StringAttr("m"), low.depth))


def _swap(ref: Ref) -> Ref:
    rank = len(ref.dims)
    return ref.transpose([*range(rank - 2), rank - 1, rank - 2])


class Plan:
    """What `place-memory` and `tile-for-machine` decided for one product."""

    def __init__(self, tile: tuple[int, ...], streamed: bool, rows_outer: bool, depth: int):
        self.tile = tile
        """Largest extents (m, n, k) of one instruction."""
        self.streamed = streamed
        """Whether weights pass through panels, loaded each time they are needed."""
        self.rows_outer = rows_outer
        """Whether the loop over m is the outer one."""
        self.depth = depth
        """Loop depth of the product: streamed weights are loaded again in each turn of it."""


def batched(low: Lowering, dst: Ref, x: Ref, w: Ref, plan: Plan) -> None:
    """Fold batch dimensions into m where one w serves all of them, else loop over them."""
    if not any(w.strides[:-2]):
        flat = w
        while len(flat.dims) > 2:
            flat = flat.at(0, 0)
        dims, (far, near) = collapse(dst.dims[:-1], [dst.strides[:-1], x.strides[:-1]])
        rows(low, dst, x, flat, outer=list(zip(dims, far, near, strict=True)), plan=plan)
        return
    dims, steps = collapse(dst.dims[:-2], [r.strides[:-2] for r in (dst, x, w)])
    inner = [replace(r, dims=r.dims[-2:], strides=r.strides[-2:]) for r in (dst, x, w)]
    _each(low, dims, steps, inner, plan)


def _each(low: Lowering, dims: list[Dim], steps: list, refs: list[Ref], plan: Plan) -> None:
    if not dims:
        product(low, refs[0], refs[1], refs[2], plan)
        return

    def turn(i) -> None:
        moved = [r.moved(i, s[0]) for r, s in zip(refs, steps, strict=True)]
        _each(low, dims[1:], [s[1:] for s in steps], moved, plan)

    if dims[0].reg is None and dims[0].size <= BATCH_UNROLL:
        for i in range(dims[0].size):
            turn(i)
        return
    with low.loop(dims[0]) as index:
        turn(index)


def rows(low: Lowering, dst: Ref, x: Ref, w: Ref, *, outer: list, plan: Plan) -> None:
    """One product for the longest run of rows, loops over the others."""
    if len(outer) > 1:
        outer = list(outer)
        dim, far, near = outer.pop(min(range(len(outer)), key=lambda i: outer[i][0].size))
        low.turns(
            dim, lambda i: rows(low, dst.moved(i, far), x.moved(i, near), w, outer=outer, plan=plan)
        )
        return
    m, far, near = outer[0] if outer else (ONE, 0, 0)
    product(
        low,
        replace(dst, dims=(m, dst.dims[-1]), strides=(far, dst.strides[-1])),
        replace(x, dims=(m, x.dims[-1]), strides=(near, x.strides[-1])),
        w,
        plan,
    )


def product(low: Lowering, dst: Ref, x: Ref, w: Ref, plan: Plan) -> None:
    """``dst[m, n] = x[m, k] w[n, k]``, cut into blocks that the memories hold."""
    m, n = dst.dims
    k = x.dims[1]
    tm, tn, tk = plan.tile
    space = [m, n, k]
    refs = [dst.insert(2), x.insert(1), w.insert(0)]
    full = [d.size for d in space]
    by_m, by_n = [tm, full[1], full[2]], [full[0], tn, full[2]]
    first, second = (by_m, by_n) if plan.rows_outer else (by_n, by_m)

    def inner(block: list[Ref]) -> None:
        dims = [block[0].dims[0], block[0].dims[1], block[1].dims[2]]
        low.blocks(dims, block, _clip(second, dims), lambda b: contract(low, b, tk, plan))

    low.blocks(space, refs, first, inner)


def _clip(tile: list[int], dims: list[Dim]) -> list[int]:
    return [min(t, d.size) for t, d in zip(tile, dims, strict=True)]


def contract(low: Lowering, refs: list[Ref], tk: int, plan: Plan) -> None:
    """One block: its k in one piece, or in pieces that accumulate."""
    dst, x, w = refs[0].at(2, 0), refs[1].at(1, 0), refs[2].at(0, 0)
    k = x.dims[1]
    pieces = [0]
    if k.reg is None and tk < k.size:
        pieces = list(range(0, k.size, tk))

    def inside(out: Ref, left: Ref) -> None:
        for start in pieces:
            size = Dim(min(tk, k.size - start)) if len(pieces) > 1 else k
            weights = w.window(1, start, 1, size) if len(pieces) > 1 else w
            part = left.window(1, start, 1, size) if len(pieces) > 1 else left
            multiply(low, out, part, weights, plan=plan, accumulate=start > 0)

    low.staged(dst, [x], inside)


def multiply(low: Lowering, dst: Ref, x: Ref, w: Ref, *, plan: Plan, accumulate: bool) -> None:
    """Weights into the weight memory (once, when they stay there), then the product."""
    held = weights(low, w, plan)
    shape = low.shape([dst.dims[0], dst.dims[1], x.dims[1]])
    low.add(
        npu.MmOp(
            low.view(dst, [*dst.strides, 0]),
            low.view(x, [x.strides[0], 0, x.strides[1]]),
            low.view(held, [0, *held.strides]),
            accumulate=accumulate,
            **shape,
        )
    )


def weights(low: Lowering, w: Ref, plan: Plan) -> Ref:
    """The matrix in the weight memory."""
    depth = low.depth_of(w)
    if plan.streamed:
        depth = max(depth, plan.depth)
    with low.at(depth):
        key = ("weights", w, low.turn) if plan.streamed else ("weights", w)
        if key not in low.scope.cache:
            held = low.staging(w, "wmem", "panel" if plan.streamed else "weights")
            low.add(
                npu.DmaOp(
                    low.view(held, [0, *held.strides]),
                    low.view(w, [0, *w.strides]),
                    **low.shape([ONE, *w.dims]),
                )
            )
            low.scope.cache[key] = held
        return low.scope.cache[key]


HANDLERS = {nn.MatmulOp: matmul}
