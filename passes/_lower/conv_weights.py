"""The weights of a convolution, in the order in which its products take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of
from rnncc.errors import CapacityError
from rnncc.passes._lower.attributes import ROOM_ATTR, WEIGHTS_ATTR, panels_of, piece_of
from rnncc.passes._lower.conv_form import Form
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.weights import load

Key = tuple[int, int | None, int | None]
"""Depth, row and column of the kernel that a product is for; None where k has all of them."""


@dataclass(frozen=True)
class Weights:
    """Weights in off-chip memory: [m, depth, row, column, c], or column before row.

    Attributes:
        ref: the window of all of them.
        columns_first: whether columns come before rows (rows and channels are then one run).
        streamed: whether they pass through panels each time.
        room: bytes of the weight memory for panels; None for any number.
        item: bytes of one.
        cut: longest piece of k in a panel; 0 for any length.
        places: panels in the weight memory at once.
        rings: places of panels so far, by their size: the room and how often it was used.
    """

    ref: Ref
    columns_first: bool
    streamed: bool
    room: int | None
    item: int
    cut: int = 0
    places: int = 2
    rings: dict[int, tuple[Ref, int]] = field(default_factory=dict, compare=False)

    @property
    def outer(self) -> int:
        """Results of all groups."""
        return self.ref.sizes[0]

    @property
    def inner(self) -> int:
        """Channels a group."""
        return self.ref.sizes[4]

    def matrix(self, group: int | SSAValue, outer: int, key: Key) -> Ref:
        """The weights [m, k] of one product."""
        plane, row, column = key
        ref = self.ref.window(0, group, outer, Dim(outer)).at(1, plane)
        places = (column, row) if self.columns_first else (row, column)
        # The second of the two first: taking one away moves the axes behind it.
        for axis, place in ((2, places[1]), (1, places[0])):
            if place is not None:
                ref = ref.at(axis, place)
        flat = ref.reshape([ref.dims[0], Dim(int(np.prod(ref.sizes[1:])))])
        assert flat is not None
        return flat

    def panels(
        self, low: Lowering, group: int | SSAValue, groups: int, key: Key
    ) -> Iterator[tuple[int, int, Ref]]:
        """Pieces of one product's weights in the weight memory, with the first result and the start in k of each.

        Raises:
            CapacityError: the weight memory has no room for a row in each place.
        """
        outer = self.outer // groups
        matrix = self.matrix(group, outer, key)
        if not self.streamed:
            with low.at(low.home(low.depth_of(matrix), ("weights", matrix))):
                cache = low.scope.cache
                if ("weights", matrix) not in cache:
                    cache["weights", matrix] = self._held(low, matrix, "weights")
                held = cache["weights", matrix]
            # Not inside of the `with`: the caller's products belong to its own loop.
            yield 0, 0, held
            return
        step, long = outer, matrix.sizes[1]
        piece = min(self.cut or long, long)
        if self.room is not None:
            step = min(outer, self.room // (self.places * piece * self.item))
        if step < 1:
            raise CapacityError(
                f"the weight memory has no room for two rows of {matrix.sizes[1]} weights "
                f"({self.room} bytes are free)"
            )
        for first in range(0, outer, step):
            rows = matrix.window(0, first, 1, Dim(min(step, outer - first)))
            for begin in range(0, long, piece):
                part = rows.window(1, begin, 1, Dim(min(piece, long - begin)))
                held = self._slot(low, part, step * piece) if self.cut else None
                yield first, begin, held or self._held(low, part, "panel")

    def _slot(self, low: Lowering, part: Ref, size: int) -> Ref:
        """A panel in the next of the places that take turns."""
        if size not in self.rings:
            ring = low.alloc([Dim(self.places), Dim(size)], part.element, "wmem", "panels")
            self.rings[size] = (ring, 0)
        ring, used = self.rings[size]
        self.rings[size] = (ring, used + 1)
        n, k = part.dims
        held = replace(ring.at(0, used % self.places), dims=(n, k), strides=(k.size, 1))
        load(low, held, part)
        return held

    @staticmethod
    def _held(low: Lowering, matrix: Ref, name: str) -> Ref:
        held = low.staging(matrix, "wmem", name)
        load(low, held, matrix)
        return held


def weights_of_conv(low: Lowering, op: nn.ConvOp, form: Form) -> Weights:
    """The weights in the order of the form: constants are permuted now, others by DMA."""
    shape = shape_of(op.w)
    full = (*shape[:2], *[1] * (5 - len(shape)), *shape[2:])
    order = [0, 2, 4, 3, 1] if form.columns else [0, 2, 3, 4, 1]
    source = low.get(op.w)
    if isinstance(op.w.owner, nn.ConstantOp):
        ref = low.constant(_permuted(op.w.owner, full, order), low.label(op.w))
    else:
        while len(source.dims) < len(full):
            source = source.insert(2)
        turned = source.transpose(order)
        ref = low.alloc(turned.dims, source.element, "dram", "weights")
        low.copy(ref, turned)
    room: Any = op.attributes.get(ROOM_ATTR)
    return Weights(
        ref,
        form.columns,
        op.attributes.get(WEIGHTS_ATTR) == StringAttr("streamed"),
        room.value.data if isinstance(room, IntegerAttr) else None,
        numpy_dtype(ref.element).itemsize,
        piece_of(op),
        panels_of(op),
    )


def _permuted(op: nn.ConstantOp, full: tuple[int, ...], order: list[int]) -> nn.WeightAttr:
    array = np.ascontiguousarray(op.array.reshape(full).transpose(order))
    name = op.value.weight_name.data if isinstance(op.value, nn.WeightAttr) else ""
    return nn.WeightAttr(name, array)
