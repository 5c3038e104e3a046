"""Weights on their way into the weight memory, and the product instruction that uses them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rnncc.dialects import nn, npu
from rnncc.passes._lower.dims import ONE, Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref


@dataclass
class Plan:
    """How one product is cut, and what follows it."""

    tile: tuple[int, ...]
    """Largest extents (m, n, k) of one instruction."""
    streamed: bool
    """Whether weights pass through panels, loaded each time they are needed."""
    rows_outer: bool
    """Whether the loop over m is the outer one."""
    depth: int
    """Loop depth of the product: streamed weights are loaded again in each turn of it."""
    after: nn.BinaryOp | None = None
    """An operation with a vector along n that is done block by block, in place."""
    line: Ref | None = None
    """That vector."""
    kept: int = 0
    """Rows of streamed weights that stay all the same."""
    places: int = 2
    """Panels in the weight memory at once."""
    pieces: bool = False
    """Whether weights come piece by piece, each to a place of its own or in turn."""
    adds: bool = False
    """Whether the product is added to what is there."""
    shared: tuple[int, int, int] | None = None
    """Where the weights are in the part of the memory that they share with others; see `attributes.shared_of`."""
    held: Ref | None = None
    """The panel that is multiplied next, in the weight memory."""


class Ring:
    """Places of the weight memory that panels take in turn.

    Args:
        low: where they are allocated.
        weights: what will be loaded.
        size: elements of the largest panel.
        places: how many.
        shared: where they are in a part of the memory that is shared, if they are there.
    """

    def __init__(
        self,
        low: Lowering,
        weights: Ref,
        size: int,
        places: int,
        shared: tuple[int, int, int] | None = None,
    ):
        self.places = places
        if shared is not None:
            self.ref = part(low, weights, [Dim(places), Dim(size)], shared)
            return
        # The product's copies in unrolled steps take turns in the same places.
        key = ("ring", low.turn, weights.element, size, places)
        if key not in low.scope.cache:
            dims = [Dim(places), Dim(size)]
            low.scope.cache[key] = low.alloc(dims, weights.element, "wmem", "panels")
        self.ref = low.scope.cache[key]

    def load(self, low: Lowering, w: Ref, number: int) -> Ref:
        """Bring panel `number`, w [n, k], to its place; gives where it is then."""
        place = self.ref.at(0, number % self.places)
        held = replace(place, dims=w.dims, strides=(w.dims[1].size, 1))
        load(low, held, w)
        return held


def part(low: Lowering, weights: Ref, dims: list[Dim], shared: tuple[int, int, int]) -> Ref:
    """A window of the part of the weight memory that several matrices share, from the first element of this one on."""
    size, first, _ = shared
    with low.at(0):
        key = ("shared", weights.element, size)
        if key not in low.scope.cache:
            low.scope.cache[key] = low.alloc([Dim(size)], weights.element, "wmem", "weights")
        whole = low.scope.cache[key]
    strides = (dims[1].size, 1)
    return replace(whole, dims=tuple(dims), strides=strides, offset=first)


def brought(low: Lowering, w: Ref, shared: tuple[int, int, int]) -> Ref:
    """The matrix w [n, k] in its part of the memory, before the loops around its product.

    It comes some rows at a time: each transfer waits only for the products of what it is put over.
    """
    key = ("brought", w)
    with low.at(low.home(low.depth_of(w), key)):
        if key not in low.scope.cache:
            held = part(low, w, [*w.dims], shared)
            n, rows = w.dims[0].size, shared[2]
            for start in range(0, n, rows):
                some = Dim(min(rows, n - start))
                load(low, held.window(0, start, 1, some), w.window(0, start, 1, some))
            low.scope.cache[key] = held
        return low.scope.cache[key]


def pieces(low: Lowering, dst: Ref, x: Ref, w: Ref, step: int, plan: Plan) -> None:
    """A long k in pieces; their weights take turns in a few places of the weight memory."""
    n, k = w.dims
    ring = Ring(low, w, n.size * step, plan.places)
    for number, start in enumerate(range(0, k.size, step)):
        size = Dim(min(step, k.size - start))
        held = ring.load(low, w.window(1, start, 1, size), number)
        multiply(low, dst, x.window(1, start, 1, size), held, accumulate=plan.adds or start > 0)


def multiply(low: Lowering, dst: Ref, x: Ref, held: Ref, accumulate: bool = False) -> None:
    """One product instruction."""
    low.add(
        npu.MmOp(
            low.view(dst, [*dst.strides, 0]),
            low.view(x, [x.strides[0], 0, x.strides[1]]),
            low.view(held, [0, *held.strides]),
            accumulate=accumulate,
            **low.shape([dst.dims[0], dst.dims[1], x.dims[1]]),
        )
    )


def weights(low: Lowering, w: Ref, plan: Plan) -> Ref:
    """The matrix in the weight memory: loaded outside of the loops when it stays there."""
    if plan.held is not None:
        return plan.held
    if w.memory == "wmem":
        return w
    depth = low.depth_of(w)
    if plan.streamed:
        depth = max(depth, plan.depth)
    key = ("weights", w, low.turn) if plan.streamed else ("weights", w)
    with low.at(low.home(depth, key)):
        if key not in low.scope.cache:
            held = low.staging(w, "wmem", "panel" if plan.streamed else "weights")
            load(low, held, w)
            low.scope.cache[key] = held
        return low.scope.cache[key]


def load(low: Lowering, held: Ref, w: Ref) -> None:
    """One matrix into the weight memory."""
    low.add(
        npu.DmaOp(
            low.view(held, [0, *held.strides]),
            low.view(w, [0, *w.strides]),
            **low.shape([ONE, *w.dims]),
        )
    )
