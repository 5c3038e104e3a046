"""Where a tensor lives: a strided, N-dimensional window of an npu buffer.

A `Ref` is to tensors what a NumPy view is to arrays: transposing, slicing, broadcasting and (where
the strides allow it) reshaping make another `Ref` of the same buffer and move no data.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod

from xdsl.ir import Attribute, SSAValue

from rnncc.dialects._types import numpy_dtype
from rnncc.dialects.npu import BufferType, row_major
from rnncc.passes._lower.dims import ONE, Dim, collapse, match

Index = int | SSAValue


@dataclass(frozen=True)
class Ref:
    """A window: element (i0, i1, ...) is at ``offset + sum(reg * stride) + sum(i * stride)``.

    Offsets and strides count elements. `level` is the loop depth at which the contents are known
    and fixed, so that copies of them may be made there, once; copies of a `transient` window are not kept
    from one operation to the next.
    """

    buffer: SSAValue
    dims: tuple[Dim, ...]
    strides: tuple[int, ...]
    offset: int = 0
    index: tuple[tuple[SSAValue, int], ...] = ()
    level: int = field(default=0, compare=False)
    transient: bool = field(default=False, compare=False)

    @property
    def type(self) -> BufferType:
        """Type of the buffer behind the window."""
        assert isinstance(self.buffer.type, BufferType)
        return self.buffer.type

    @property
    def memory(self) -> str:
        """dram, wmem or vmem."""
        return self.type.memory.data

    @property
    def element(self) -> Attribute:
        """Element type."""
        return self.type.element_type

    @property
    def sizes(self) -> tuple[int, ...]:
        """The largest shape."""
        return tuple(d.size for d in self.dims)

    @property
    def empty(self) -> bool:
        """Whether there is never an element."""
        return any(d.size == 0 for d in self.dims)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements at the largest shape, each counted once."""
        distinct = (d.size for d, s in zip(self.dims, self.strides, strict=True) if s)
        return prod(distinct) * numpy_dtype(self.element).itemsize

    def moved(self, by: Index, stride: int) -> Ref:
        """The window moved by ``by * stride`` elements."""
        if isinstance(by, int):
            return replace(self, offset=self.offset + by * stride)
        return replace(self, index=(*self.index, (by, stride))) if stride else self

    def at(self, axis: int, position: Index) -> Ref:
        """The window at one position of an axis, without that axis."""
        moved = self.moved(position, self.strides[axis])
        return replace(
            moved,
            dims=self.dims[:axis] + self.dims[axis + 1 :],
            strides=self.strides[:axis] + self.strides[axis + 1 :],
        )

    def window(self, axis: int, start: Index, step: int, dim: Dim) -> Ref:
        """`dim` elements of an axis from ``start * step`` on; axes of extent 1 broadcast."""
        if self.dims[axis].is_one:
            return self
        moved = self.moved(start, self.strides[axis] * step)
        return replace(moved, dims=_put(self.dims, axis, dim))

    def slice(self, axis: int, start: int, size: int, step: int = 1) -> Ref:
        """``start, start+step, ...``: `size` elements of an axis."""
        moved = self.moved(start, self.strides[axis])
        return replace(
            moved,
            dims=_put(self.dims, axis, Dim(size)),
            strides=_put(self.strides, axis, self.strides[axis] * step),
        )

    def transpose(self, perm: Sequence[int]) -> Ref:
        """Dimension i of the result is dimension perm[i] of this."""
        return replace(
            self,
            dims=tuple(self.dims[p] for p in perm),
            strides=tuple(self.strides[p] for p in perm),
        )

    def insert(self, axis: int) -> Ref:
        """A new dimension of extent 1."""
        return replace(
            self,
            dims=(*self.dims[:axis], ONE, *self.dims[axis:]),
            strides=(*self.strides[:axis], 0, *self.strides[axis:]),
        )

    def broadcast(self, dims: Sequence[Dim]) -> Ref:
        """The window repeated to `dims` by NumPy's rule, with strides of zero."""
        missing = len(dims) - len(self.dims)
        own = (*(ONE,) * missing, *self.dims)
        strides = (*(0,) * missing, *self.strides)
        repeated = tuple(
            0 if d.is_one and not t.is_one else s
            for d, s, t in zip(own, strides, dims, strict=True)
        )
        return replace(self, dims=tuple(dims), strides=repeated)

    def reshape(self, dims: Sequence[Dim]) -> Ref | None:
        """The same elements in C order under other extents, or None where strides forbid it.

        None as well where a run-time extent would have to be split or joined behind another one.
        """
        if self.empty:
            return replace(self, dims=tuple(dims), strides=row_major([d.size for d in dims]))
        old = [p for p in zip(self.dims, self.strides, strict=True) if not p[0].is_one]
        new = [i for i, d in enumerate(dims) if not d.is_one]
        strides = [0] * len(dims)
        while old or new:
            taken = match([d for d, _ in old], [dims[i] for i in new])
            if taken is None:
                return None
            group, old = old[: taken[0]], old[taken[0] :]
            targets, new = new[: taken[1]], new[taken[1] :]
            for (outer, far), (inner, near) in itertools.pairwise(group):
                if far != near * inner.size or outer.size == 0:
                    return None
            step = group[-1][1]
            for i in reversed(targets):
                strides[i] = step
                step *= dims[i].size
        return replace(self, dims=tuple(dims), strides=tuple(strides))


def _put(values: tuple, place: int, value) -> tuple:
    return (*values[:place], value, *values[place + 1 :])


def same_window(a: Ref, b: Ref) -> bool:
    """Whether two windows of equal extents are the same elements of the same buffer."""
    if a.buffer is not b.buffer or a.offset != b.offset or set(a.index) != set(b.index):
        return False
    _, steps = collapse(a.dims, [a.strides, b.strides])
    return steps[0] == steps[1]
