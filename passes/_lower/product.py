"""nn.matmul: weights into the weight memory, then mega-products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.passes._lower.attributes import (
    OUTER_ATTR,
    PANEL_ATTR,
    WEIGHTS_ATTR,
    kept_of,
    panels_of,
    shared_of,
    tile_of,
)
from rnncc.passes._lower.dims import ONE, Dim, collapse
from rnncc.passes._lower.epilogue import epilogue_line, epilogue_of
from rnncc.passes._lower.follow import follow, nothing
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.narrow import rounded
from rnncc.passes._lower.products import stationary_left
from rnncc.passes._lower.ref import Index, Ref
from rnncc.passes._lower.sums import begun, sum_of
from rnncc.passes._lower.weights import Plan, Ring, brought, multiply, pieces, weights

BATCH_UNROLL = 4
"""Products of a batch that are written out rather than looped over."""
STRAIGHT = 16
"""Panels of streamed weights that are all written out."""


def matmul(low: Lowering, op: nn.MatmulOp) -> None:
    """Bring the product to x [batch, m, k], w [batch, n, k], and emit it."""
    added, after = sum_of(op), epilogue_of(op)
    if added is not None:
        dst = target = begun(low, op, added)
    else:
        dst = target = low.place(op.result if after is None else after.result)
    if after is not None:
        # With a reshape between them the product may have no such view of the place.
        view = target.reshape(low.dims(op.result))
        dst = low.new(op.result) if view is None else view
        low.put(op.result, dst)
    x, w = low.get(op.a), low.get(op.b)
    if op.transpose_b is None:
        w = _swap(w)
    plan = Plan(
        tile_of(op) or (max(1, prod(dst.sizes[:-1])), dst.sizes[-1], x.sizes[-1]),
        op.attributes.get(WEIGHTS_ATTR) == StringAttr("streamed"),
        op.attributes.get(OUTER_ATTR) == StringAttr("m"),
        low.depth,
        kept=kept_of(op),
        places=panels_of(op),
        pieces=PANEL_ATTR in op.attributes,
        adds=added is not None,
        shared=shared_of(op),
    )
    if after is not None:
        plan.after, plan.line = after, _line(low, epilogue_line(op, after))
        low.done.add(after)
    if dst.empty:
        return
    multiply_all(low, op, dst, x, w, plan)
    if after is not None and dst.buffer is not target.buffer:
        view = dst.reshape(target.dims)
        assert view is not None
        low.copy(target, view)


def multiply_all(low: Lowering, op: nn.MatmulOp, dst: Ref, x: Ref, w: Ref, plan: Plan) -> None:
    """The product itself; of nothing, it is zero."""
    if any(d.size == 0 for d in x.dims):
        lines = [] if plan.line is None else [plan.line]
        low.staged(dst, lines, lambda *inside: nothing(low, plan, *inside))
        return
    x, w = (r.broadcast((*dst.dims[:-2], *r.dims[-2:])) for r in (x, w))
    if stationary_left(op):
        dst, x, w = _swap(dst), w, x
    batched(low, dst, x, w, plan)


def _line(low: Lowering, value: SSAValue) -> Ref:
    """The last dimension of an operand that varies along no other."""
    ref = low.get(value)
    while len(ref.dims) > 1:
        ref = ref.at(0, 0)
    return ref if ref.dims else ref.insert(0)


def _swap(ref: Ref) -> Ref:
    rank = len(ref.dims)
    return ref.transpose([*range(rank - 2), rank - 1, rank - 2])


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
            dim,
            lambda i: rows(low, dst.moved(i, far), x.moved(i, near), w, outer=outer, plan=plan),
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
    if 0 < plan.kept < n.size and n.reg is None:
        _in_two(low, dst, x, w, plan)
        return
    tm, tn, tk = plan.tile
    space = [m, n, k]
    fixed = n.reg is None and k.reg is None and tk >= k.size and not plan.rows_outer
    in_panels = (plan.streamed or plan.pieces) and fixed and tn < n.size
    if plan.shared is not None and not in_panels:
        w = brought(low, w, plan.shared)
    refs = [dst.insert(2), x.insert(1), w.insert(0)]
    if plan.line is not None:
        # One transfer, not one a panel.
        line = low.load(plan.line) if in_panels else plan.line
        refs.append(line.insert(0).insert(2))
    by_m, by_n = [tm, n.size, k.size], [m.size, tn, k.size]
    first, second = (by_m, by_n) if plan.rows_outer else (by_n, by_m)

    def inner(block: list[Ref]) -> None:
        dims = [block[0].dims[0], block[0].dims[1], block[1].dims[2]]
        tile = [min(t, d.size) for t, d in zip(second, dims, strict=True)]
        low.blocks(dims, block, tile, lambda b: contract(low, b, plan))

    if in_panels:
        _panels(low, refs, plan, inner)
        return
    low.blocks(space, refs, first, inner)


def _panels(low: Lowering, refs: list[Ref], plan: Plan, inner: Callable[[list[Ref]], None]) -> None:
    """Panels of streamed weights one after the other, in places of the weight memory that take turns.

    The first ones and the last ones are straight code, so that the schedule can load the next turn's first panels
    beside the last products of this one; a loop over the places is between them when there are many.
    """
    n, step, places = refs[0].dims[1].size, plan.tile[1], plan.places
    count = -(-n // step)
    ring = Ring(low, refs[2], step * refs[2].dims[2].size, places, plan.shared)

    def panel(number: int, group: Index = 0) -> None:
        rows = Dim(min(step, n - number * step))
        block = [
            r if r.dims[1].is_one else r.moved(group, r.strides[1] * step * places)
            for r in (r.window(1, number, step, rows) for r in refs)
        ]
        plan.held = ring.load(low, block[2].at(0, 0), number)
        inner(block)

    groups = n // step // places - 2 if count > STRAIGHT else 0
    if groups > 1:
        for number in range(places):
            panel(number)
        with low.loop(Dim(groups)) as group:
            for number in range(places, 2 * places):
                panel(number, group)
    done = places * (1 + groups) if groups > 1 else 0
    for number in range(done, count):
        panel(number)
    plan.held = None


def _in_two(low: Lowering, dst: Ref, x: Ref, w: Ref, plan: Plan) -> None:
    """The rows that stay first, while the panels of the others arrive."""
    n, k = w.dims
    tm = plan.tile[0]
    stays = replace(plan, tile=(tm, plan.kept, k.size), streamed=False, kept=0)
    for start, size, part in (
        (0, plan.kept, stays),
        (plan.kept, n.size - plan.kept, replace(plan, kept=0)),
    ):
        dim = Dim(size)
        if plan.line is not None:
            part.line = plan.line.window(0, start, 1, dim)
        product(low, dst.window(1, start, 1, dim), x, w.window(0, start, 1, dim), part)


def contract(low: Lowering, refs: list[Ref], plan: Plan) -> None:
    """One block: its k in one piece, or in pieces that accumulate; then what follows."""
    dst, x, w = refs[0].at(2, 0), refs[1].at(1, 0), refs[2].at(0, 0)
    k, step = x.dims[1], plan.tile[2]

    def inside(out: Ref, left: Ref, *line: Ref) -> None:
        if k.reg is not None or step >= k.size:
            multiply(low, out, left, weights(low, w, plan), accumulate=plan.adds)
        else:
            rounded(low, out, lambda work: pieces(low, work, left, w, step, plan))
        if plan.after is not None:
            follow(low, plan.after, out, line[0])

    lines = [] if plan.line is None else [refs[3].at(2, 0).at(0, 0)]
    low.staged(dst, [x, *lines], inside)


HANDLERS = {nn.MatmulOp: matmul}
