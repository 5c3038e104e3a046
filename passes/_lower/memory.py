"""Moving data: copies between memories, constants, loads into vector memory, tiled walks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects import npu
from rnncc.dialects._weights import array_of
from rnncc.passes._lower.dims import ONE, Dim, collapse
from rnncc.passes._lower.emitter import Emitter
from rnncc.passes._lower.ref import Index, Ref

SPLAT_LIMIT = 4096
"""Constants of more elements are not searched for a single repeated value."""
UNROLL = 2
"""Outer turns that are written out rather than looped over."""


class Mover(Emitter):
    """An emitter that knows how to fill, copy and load windows of any rank."""

    turn: object = None
    """The source operation being lowered: copies of transient windows are kept for it alone."""

    # Walking N dimensions with instructions of three

    def walk(self, refs: Sequence[Ref], make: Callable[..., Any], fixed: int = 0) -> None:
        """One instruction over all `refs`, which have the same dims; loops where three are few.

        Args:
            refs: the operands, the destination first.
            make: gives the instruction from the views, `extents` and `dims`.
            fixed: innermost dimensions that must stay the last extents (a reduced axis).
        """
        if refs[0].empty and not fixed:
            return
        free = len(refs[0].dims) - fixed
        order = sorted(range(free), key=lambda i: -abs(refs[0].strides[i]))
        order += range(free, len(refs[0].dims))
        turned = [r.transpose(order) for r in refs]
        dims, strides = collapse(turned[0].dims[:free], [r.strides[:free] for r in turned])
        room = 3 - fixed
        while len(dims) > room:
            axis = min(range(len(dims)), key=lambda i: dims[i].size)
            dim = dims.pop(axis)
            outer = [s.pop(axis) for s in strides]
            inner = [
                Ref(r.buffer, (*dims, *r.dims[free:]), (*s, *r.strides[free:]), r.offset, r.index)
                for r, s in zip(turned, strides, strict=True)
            ]
            self.turns(
                dim,
                lambda i, inner=inner, outer=outer: self.walk(
                    [r.moved(i, s) for r, s in zip(inner, outer, strict=True)], make, fixed
                ),
            )
            return
        pad = room - len(dims)
        # The destination of a reduction has no extent along the reduced axis: ask the source.
        space = [*[ONE] * pad, *dims, *turned[-1].dims[free:]]
        views = [
            self.view(r, [*[0] * pad, *s, *r.strides[free:]])
            for r, s in zip(turned, strides, strict=True)
        ]
        self.add(make(*views, **self.shape(space)))

    def turns(self, dim: Dim, body: Callable[[Index], None]) -> None:
        """Run `body` for each index of an extent, written out when it is short."""
        if dim.reg is None and dim.size <= UNROLL:
            for i in range(dim.size):
                body(i)
            return
        with self.loop(dim) as index:
            body(index)

    # Constants and copies

    def constant(self, value: Attribute, name: str) -> Ref:
        """A constant in off-chip memory."""
        cache = self.scopes[0].cache
        if ("const", value) not in cache:
            array = array_of(value)
            element = value.type.element_type  # type: ignore[attr-defined]
            with self.at(0):
                op = npu.ConstOp(value, npu.BufferType.of(array.shape, element, "dram"), name)
                self.add(op)
            dims = tuple(Dim(n) for n in array.shape)
            cache["const", value] = Ref(op.buffer, dims, npu.strides_of(op.buffer))
        return cache["const", value]

    @staticmethod
    def splat(ref: Ref) -> float | int | None:
        """The one value that all elements of a constant have, or None."""
        owner = ref.buffer.owner
        if not isinstance(owner, npu.ConstOp) or ref.empty:
            return None
        array = array_of(owner.value)
        if array.size > SPLAT_LIMIT:
            return None
        # Bit for bit: -0 and 0 are two values, and a NaN is itself.
        bits = np.ascontiguousarray(array).reshape(-1).view(f"u{array.itemsize}")
        if (bits != bits[0]).any():
            return None
        value = array.reshape(-1)[0]
        if array.dtype.kind in "biu":
            return int(value)
        return float(value)

    def fill(self, dst: Ref, value: float | int) -> None:
        """Write one number everywhere."""
        if dst.empty:
            return
        if dst.memory != "vmem":
            self.copy(dst, self.number(value, dst.element).broadcast(dst.dims))
            return
        self.walk([dst], lambda d, **shape: npu.FillOp(d, value, **shape))

    def number(self, value: float | int, element: Attribute) -> Ref:
        """A single number in vector memory, as a window without dimensions."""
        with self.at(0):
            key = ("number", np.array(value).tobytes(), type(value), element)
            if key not in self.scope.cache:
                ref = self.alloc([], element, name="number")
                self.scope.cache[key] = ref
                self.fill(ref, value)
            return self.scope.cache[key]

    def counting(self, size: int, element: Attribute) -> Ref:
        """The numbers 0 .. size-1 in vector memory, made once."""
        with self.at(0):
            key = ("iota", size, element)
            if key not in self.scope.cache:
                ref = self.alloc([Dim(size)], element, name="iota")
                self.scope.cache[key] = ref
                if size:
                    self.walk([ref], npu.IotaOp, fixed=1)
            return self.scope.cache[key]

    def copy(self, dst: Ref, src: Ref) -> None:
        """Write the elements of `src` to `dst`; by the vector engine inside vector memory."""
        if dst.empty:
            return
        if dst.memory == src.memory == "vmem":
            self.walk([dst, src], lambda d, s, **x: npu.UnaryOp("identity", d, s, **x))
            return
        value = self.splat(src)
        if value is not None and dst.memory == "vmem":
            self.fill(dst, value)
            return
        self.walk([dst, src], npu.DmaOp)

    def load(self, ref: Ref) -> Ref:
        """The window in vector memory, copied there once if it is elsewhere."""
        if ref.memory == "vmem":
            return ref
        value = self.splat(ref)
        if value is not None:
            return self.number(value, ref.element).broadcast(ref.dims)
        # A repeated dimension is loaded once, whatever extent (or register) repeats it.
        distinct = [ONE if not s else d for d, s in zip(ref.dims, ref.strides, strict=True)]
        bare = replace(ref, dims=tuple(distinct))
        key = (bare, self.turn) if ref.transient else bare
        with self.at(self.home(self.depth_of(bare), key)):
            if key not in self.scope.cache:
                copy = self.staging(bare, name="load")
                self.copy(copy, bare)
                self.scope.cache[key] = copy
            return self.scope.cache[key].broadcast(ref.dims)

    def depth_of(self, ref: Ref) -> int:
        """The outermost depth at which a window and its contents are fixed."""
        regs = [r for r, _ in ref.index] + [d.reg for d in ref.dims if d.reg is not None]
        return max([ref.level, *map(self.level_of, regs)])

    def forget(self, buffer: SSAValue) -> None:
        """Drop the copies made of a buffer that is about to be overwritten."""
        for scope in self.scopes:
            for key in [k for k in scope.cache if _mentions(k, buffer)]:
                del scope.cache[key]


def _mentions(key: Any, buffer: SSAValue) -> bool:
    if isinstance(key, tuple):
        return any(_mentions(k, buffer) for k in key)
    return isinstance(key, Ref) and key.buffer is buffer
