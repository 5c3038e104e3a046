"""The memory behind constants and buffers: spans of elements and their bytes."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from xdsl.ir import Operation, SSAValue

from rnncc.dialects._npu_types import BufferType
from rnncc.dialects._types import is_float, numpy_dtype


def element_strides(array: np.ndarray) -> tuple[int, ...]:
    """The strides of an array in elements.

    Raises:
        ValueError: they are not whole elements (no weight is stored so).
    """
    if any(s % array.itemsize for s in array.strides):
        raise ValueError(f"strides {array.strides} are not whole elements of {array.dtype}")
    return tuple(s // array.itemsize for s in array.strides)


def span_of(array: np.ndarray) -> tuple[int, int]:
    """Lowest and one past the highest element, counted from element [0, ..., 0]."""
    if not array.size:
        return 0, 0
    ends = [(n - 1) * s for n, s in zip(array.shape, element_strides(array), strict=True)]
    return sum(min(0, e) for e in ends), sum(max(0, e) for e in ends) + 1


def constant_span(array: np.ndarray) -> tuple[np.ndarray, int]:
    """The elements that an array spans in memory, as one contiguous vector, without a copy.

    Returns:
        The vector and the (non-positive) element number, from element [0, ..., 0], of its first.
    """
    low, high = span_of(array)
    corner = array[tuple(slice(-1, None) if s < 0 else slice(0, 1) for s in array.strides)]
    flat = as_strided(corner, (high - low,), (array.itemsize,), writeable=False)
    return flat, low


def byte_size(buffer: SSAValue) -> int:
    """Bytes of a buffer in containers of its element type."""
    assert isinstance(buffer.type, BufferType)
    return buffer.type.elements * numpy_dtype(buffer.type.element_type).itemsize


def widest_float(function: Operation) -> int:
    """Bytes of the widest floating-point element of a function's buffers; 4 when there is none.

    It decides how many container bytes stand for a native byte (`MachineDescription.scale`).
    """
    elements = {
        value.type.element_type
        for op in function.walk()
        for value in op.results
        if isinstance(value.type, BufferType)
    }
    return max((numpy_dtype(e).itemsize for e in elements if is_float(e)), default=4)
