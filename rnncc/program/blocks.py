"""The contiguous block under a strided array."""

from __future__ import annotations

import math

import numpy as np

_WASTE = 2
"""A view that spans more than this many times its own elements is copied instead of stored with its surroundings."""


def block_of(view: np.ndarray) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """The C-contiguous block that holds a view, for a segment, without a copy where that is sensible.

    Args:
        view: any strides: transposed, sliced, reversed, broadcast.

    Returns:
        The block (one-dimensional, or the view itself when it is contiguous, or its transpose that is), the byte
        offset in the block of the view's element [0, ..., 0], and the view's strides in bytes. A view that leaves out
        more than half of its span is copied; the offset and strides are then those of the copy.
    """
    if view.flags.c_contiguous:
        return view, 0, view.strides
    order = sorted(range(view.ndim), key=lambda axis: -abs(view.strides[axis]))
    if view.transpose(order).flags.c_contiguous:
        return view.transpose(order), 0, view.strides
    item = view.itemsize
    steps = [(extent - 1) * stride for extent, stride in zip(view.shape, view.strides, strict=True)]
    low = sum(step for step in steps if step < 0)
    span = sum(step for step in steps if step > 0) - low + item
    distinct = (
        math.prod(n for n, stride in zip(view.shape, view.strides, strict=True) if stride) * item
    )
    if view.size == 0 or span > _WASTE * distinct or any(stride % item for stride in view.strides):
        copy = np.ascontiguousarray(view)
        return copy, 0, copy.strides
    # The corner of lowest address starts the block: index the far end of every axis that runs backwards.
    corner = view[tuple(slice(-1, None) if stride < 0 else slice(0, 1) for stride in view.strides)]
    block = np.lib.stride_tricks.as_strided(corner, (span // item,), (item,), writeable=False)
    return block, -low, view.strides
