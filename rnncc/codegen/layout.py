"""Where everything is: the DRAM address space in segments, and the base of every buffer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import lcm

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue, Use

from rnncc.dialects import npu
from rnncc.dialects._types import is_float
from rnncc.errors import CapacityError, PassError
from rnncc.isa.types import TYPE_NAMES
from rnncc.machine import MachineDescription
from rnncc.program import Port, Segment

Buffer = npu.AllocOp | npu.ConstOp | npu.InputOp | npu.OutputOp


@dataclass
class Layout:
    """Addresses in bytes of containers.

    Work buffers keep the addresses that `allocate` gave them, from 0 upward; ports and constants
    follow. Constants that show the same memory share a segment.
    """

    align: int
    rounded: bool
    """Weights are rounded to bf16 as they are laid out."""
    end: int = 0
    segments: list[Segment] = field(default_factory=list)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    bases: dict[tuple[SSAValue, bool], int] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _shared: dict[tuple[object, ...], int] = field(default_factory=dict)
    _order: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(
        function: FuncOp, machine: MachineDescription, scale: dict[str, int], *, rounded: bool
    ) -> Layout:
        """Lay out a function's buffers.

        Raises:
            PassError: a work buffer has no address.
            CapacityError: DRAM is too small.
        """
        self = Layout(lcm(machine.memories.dram.granule * scale["dram"], 64), rounded)
        buffers = [op for op in function.walk() if isinstance(op, Buffer)]
        self._work(function, buffers)
        for op in buffers:
            if isinstance(op, npu.InputOp | npu.OutputOp):
                self._port(op)
        for op in buffers:
            if isinstance(op, npu.ConstOp):
                self._constant(op)
        self.inputs.sort(key=lambda port: self._order[port.segment])
        self.outputs.sort(key=lambda port: self._order[port.segment])
        capacity = machine.memories.dram.size * scale["dram"]
        if self.end > capacity:
            largest = max(self.segments, key=lambda segment: segment.nbytes)
            raise CapacityError(
                f"the program needs {self.end} bytes of dram, machine '{machine.name}' has "
                f"{capacity}; the largest part is '{largest.name}' with {largest.nbytes}",
                hint="take a machine with more dram (--target)",
            )
        self.memory["dram"] = self.end
        return self

    def base(self, buffer: SSAValue, weights: bool) -> int:
        """Byte address of a buffer's element [0, ..., 0].

        Args:
            buffer: result of alloc, const, input or output.
            weights: it is read as weights of the matrix engine (rounded, when rounding is on).
        """
        return self.bases.get((buffer, weights), self.bases[buffer, False])

    def _work(self, function: FuncOp, buffers: list[Buffer]) -> None:
        used = function.attributes.get("rnncc.memory")
        if isinstance(used, DictionaryAttr):
            for name, size in used.data.items():
                assert isinstance(size, IntegerAttr)
                self.memory[name] = size.value.data
        end = 0
        for op in buffers:
            if not isinstance(op, npu.AllocOp):
                continue
            if op.address is None:
                raise PassError(
                    f"buffer '{op.sym.data}' has no address", hint="run the pass 'allocate' first"
                )
            address = op.address.value.data
            self.bases[op.buffer, False] = address
            if npu.memory_of(op.buffer) == "dram":
                end = max(end, address + npu.byte_size(op.buffer))
        if end:
            self._add("work", "work", "ui8", (end,))

    def _port(self, op: npu.InputOp | npu.OutputOp) -> None:
        type_ = op.buffer.type
        assert isinstance(type_, npu.BufferType)
        kind = "input" if isinstance(op, npu.InputOp) else "output"
        element, name = str(type_.element_type), self._unique(op.sym.data)
        self.bases[op.buffer, False] = self._add(name, kind, element, type_.dims)
        port = Port(op.sym.data, element, type_.dims, op.dim_symbols, name)
        (self.inputs if kind == "input" else self.outputs).append(port)
        self._order[name] = op.index.value.data

    def _constant(self, op: npu.ConstOp) -> None:
        array = npu.array_of(op.value)
        weights = {_loads_weights(use.operation) for view in op.buffer.uses for use in _uses(view)}
        floats = is_float(_element(op)) and array.dtype.itemsize > 2
        rounded = self.rounded and floats and True in weights
        if not rounded or False in weights:
            self.bases[op.buffer, False] = self._block(op, array, rounded=False)
        if rounded:
            self.bases[op.buffer, True] = self._block(op, array, rounded=True)
            self.bases.setdefault((op.buffer, False), self.bases[op.buffer, True])

    def _block(self, op: npu.ConstOp, array: np.ndarray, *, rounded: bool) -> int:
        """Address of the array's first element, in a segment of its own or one that exists."""
        flat, low = npu.constant_span(array)
        key = (flat.__array_interface__["data"][0], flat.size, flat.dtype, rounded)
        if key not in self._shared or not flat.size:
            block = round_bf16(flat) if rounded else flat
            if array.flags.c_contiguous:
                block = block.reshape(array.shape)
            name = self._unique(op.sym.data or "const")
            self._shared[key] = self._add(
                name, "const", TYPE_NAMES[block.dtype], block.shape, block
            )
        return self._shared[key] - low * flat.itemsize

    def _add(
        self,
        name: str,
        kind: str,
        element: str,
        shape: tuple[int, ...],
        array: np.ndarray | None = None,
    ) -> int:
        address = -(-self.end // self.align) * self.align
        segment = Segment(name, kind, address, element, tuple(shape), array)
        self.segments.append(segment)
        self.end = segment.end
        self._names.add(name)
        return address

    def _unique(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._names or candidate == "work":
            candidate, number = f"{name}.{number}", number + 1
        return candidate


def _element(op: Buffer) -> Attribute:
    type_ = op.buffer.type
    assert isinstance(type_, npu.BufferType)
    return type_.element_type


def _uses(view: Use) -> Iterator[Use]:
    return iter(view.operation.results[0].uses)


def _loads_weights(op: Operation) -> bool:
    """Whether an instruction is a dma into weight memory."""
    return isinstance(op, npu.DmaOp) and npu.memory_of(op.dst) == "wmem"


def round_bf16(array: np.ndarray) -> np.ndarray:
    """The nearest bf16 values (ties to even), in the array's own type."""
    import ml_dtypes

    return array.astype(np.float32).astype(ml_dtypes.bfloat16).astype(array.dtype)
