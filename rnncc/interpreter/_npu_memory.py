"""The memories of the npu interpreter: an array a buffer, or windows of one array a memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from rnncc.dialects import npu
from rnncc.dialects._types import numpy_dtype
from rnncc.errors import SimulationError


class Storage:
    """Buffers by their SSA value, made when first asked for."""

    def __init__(self, function: FuncOp):
        self.flat: dict[SSAValue, tuple[np.ndarray, int]] = {}
        self.memories: dict[str, np.ndarray] = {}
        ends: dict[str, int] = {}
        for op in function.walk():
            if isinstance(op, npu.AllocOp) and op.address is not None:
                memory = npu.memory_of(op.buffer)
                end = op.address.value.data + npu.byte_size(op.buffer)
                ends[memory] = max(ends.get(memory, 0), end)
        for memory, end in ends.items():
            # 0xFF bytes are NaN in every floating-point type and -1 in every integer type.
            self.memories[memory] = np.full(end, 0xFF, np.uint8)

    def array(self, buffer: SSAValue) -> np.ndarray:
        """The array of a buffer: C-contiguous, but for constants, which may be views of others."""
        assert isinstance(buffer.type, npu.BufferType)
        if isinstance(buffer.owner, npu.ConstOp):
            return npu.array_of(buffer.owner.value)
        return self._flat(buffer)[0].reshape(buffer.type.dims)

    def window(
        self, view: npu.ViewOp, index: int, extents: Sequence[int], strides: Sequence[int]
    ) -> np.ndarray:
        """The strided array behind a view.

        Raises:
            SimulationError: it leaves its buffer.
        """
        flat, low = self._flat(view.buffer)
        start = view.offset.value.data + index * view.index_stride.value.data - low
        if 0 in extents:
            return np.empty(extents, flat.dtype)
        ends = [(n - 1) * s for n, s in zip(extents, strides, strict=True)]
        first, last = start + sum(min(0, e) for e in ends), start + sum(max(0, e) for e in ends)
        if first < 0 or last >= flat.size:
            name = getattr(view.buffer.owner, "sym", None)
            raise SimulationError(
                f"elements {first + low} to {last + low} of buffer "
                f"'{name.data if name is not None else ''}' were addressed; "
                f"it has {low} to {low + flat.size - 1}"
            )
        size = flat.itemsize
        return as_strided(flat[start:], tuple(extents), tuple(s * size for s in strides))

    def _flat(self, buffer: SSAValue) -> tuple[np.ndarray, int]:
        if buffer not in self.flat:
            self.flat[buffer] = self._make(buffer)
        return self.flat[buffer]

    def _make(self, buffer: SSAValue) -> tuple[np.ndarray, int]:
        owner, type_ = buffer.owner, buffer.type
        assert isinstance(type_, npu.BufferType)
        dtype = numpy_dtype(type_.element_type)
        if isinstance(owner, npu.ConstOp):
            return npu.constant_span(npu.array_of(owner.value))
        if isinstance(owner, npu.AllocOp):
            if owner.address is not None:
                start = owner.address.value.data
                raw = self.memories[type_.memory.data][start : start + npu.byte_size(buffer)]
                return raw.view(dtype), 0
            size = type_.elements * dtype.itemsize
            return np.full(size, 0xFF, np.uint8).view(dtype), 0
        return np.zeros(type_.elements, dtype), 0
