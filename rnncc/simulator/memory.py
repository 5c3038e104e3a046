"""The memories of one run: DRAM segments, the vector memory, and the matrices next to the matrix engine.

Every access is a NumPy array over one segment's bytes made by ``numpy.ndarray(buffer=...)``, which refuses a
shape and strides that leave the buffer: a program cannot reach memory that is not its own.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Operand

SCRATCH = "scratch"
"""A memory of the simulator's own, of ``SCRATCH_BYTES``, which no instruction of a program can name."""
SCRATCH_BYTES = 32 << 20

ALIGNMENT = 64
"""Bytes; what segments and the vector memory start at, so that vector instructions of the host are aligned."""


class _Window:
    """Bytes of an array as NumPy's array interface, keeping the array alive."""

    def __init__(self, array: np.ndarray, nbytes: int):
        address = array.__array_interface__["data"][0]
        self.array = array
        self.__array_interface__ = {
            "version": 3,
            "shape": (nbytes,),
            "typestr": "|u1",
            "data": (address, True),
        }


def span(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> tuple[int, int]:
    """Lowest and one past the highest byte of an array, relative to its first element.

    An array without elements spans nothing: (0, 0).
    """
    low, high = 0, itemsize
    for count, stride in zip(shape, strides, strict=True):
        if count == 0:
            return 0, 0
        reach = (count - 1) * stride
        low, high = (low + reach, high) if reach < 0 else (low, high + reach)
    return low, high


def bytes_of(array: np.ndarray) -> np.ndarray:
    """Read-only bytes from an array's first element to its last, without a copy; strides must not be negative."""
    low, high = span(array.shape, array.strides, array.itemsize)
    if low < 0:
        raise SimulationError("a constant with negative strides cannot be placed in DRAM")
    return np.asarray(_Window(array, high))


def aligned(nbytes: int) -> np.ndarray:
    """Zeroed bytes that start at a multiple of ``ALIGNMENT``."""
    raw = np.zeros(nbytes + ALIGNMENT, np.uint8)
    start = -raw.__array_interface__["data"][0] % ALIGNMENT
    return raw[start : start + nbytes]


@dataclass(frozen=True)
class Region:
    """Contiguous addresses of one memory backed by one byte array.

    Attributes:
        name: for messages.
        address: of the first byte.
        data: the bytes.
        kind: ``const``, ``input``, ``output``, ``work`` or ``vmem``.
    """

    name: str
    address: int
    data: np.ndarray
    kind: str

    @property
    def writable(self) -> bool:
        """Instructions may write it."""
        return self.kind not in ("const", "input")


@dataclass(frozen=True)
class Placed:
    """One operand's elements as an array.

    Attributes:
        array: shape = the extents; with an index one more leading axis, entry i at register value i + low.
        region: where it lies.
        low: register value of entry 0 (only with an index).
        indexed: whether ``array`` has the leading axis.
        bounds: lowest and one past the highest byte address that any entry touches.
    """

    array: np.ndarray
    region: Region
    low: int
    indexed: bool
    bounds: tuple[int, int]


class Memory:
    """All bytes a program may touch.

    Args:
        segments: the program's DRAM segments (``rnncc.program.Segment``).
        vmem_bytes: size of the vector memory in container bytes.
    """

    def __init__(self, segments: Any, vmem_bytes: int):
        regions = []
        for segment in segments:
            if segment.kind == "const":
                data = bytes_of(segment.array)
                if data.nbytes < segment.nbytes:
                    raise SimulationError(f"constant '{segment.name}' is shorter than its segment")
                data = data[: segment.nbytes]
            else:
                data = aligned(segment.nbytes)
            regions.append(Region(segment.name, segment.address, data, segment.kind))
        self.dram = sorted(regions, key=lambda region: region.address)
        self._starts = [region.address for region in self.dram]
        self.by_name = {region.name: region for region in regions}
        self.constants = sum(region.data.nbytes for region in regions if region.kind == "const")
        self.vmem = Region("vmem", 0, aligned(vmem_bytes), "vmem")
        self._scratch: Region | None = None

    def find(self, memory: str, address: int) -> Region:
        """The region that holds an address.

        Raises:
            SimulationError: no region does.
        """
        if memory == "vmem":
            region = self.vmem
        elif memory == SCRATCH:
            if self._scratch is None:
                # The host gives pages that nothing touches no room.
                self._scratch = Region(SCRATCH, 0, aligned(SCRATCH_BYTES), "vmem")
            region = self._scratch
        else:
            at = bisect_right(self._starts, address) - 1
            if at < 0:
                raise SimulationError(f"{memory} address {address:#x} is in no segment")
            region = self.dram[at]
        if not region.address <= address < region.address + region.data.nbytes:
            raise SimulationError(f"{memory} address {address:#x} is outside every segment")
        return region

    def place(
        self,
        operand: Operand,
        dtype: np.dtype,
        extents: tuple[int, ...],
        strides: tuple[int, ...],
        write: bool,
    ) -> Placed:
        """The array of an operand.

        Args:
            operand: memory, base and index.
            dtype: container type of the elements.
            extents: elements along each axis, none of them zero.
            strides: bytes along each axis.
            write: the instruction writes it.

        Raises:
            SimulationError: the operand leaves its segment, is misaligned or may not be written.
        """
        region = self.find(operand.memory, operand.base)
        if write and not region.writable:
            raise SimulationError(f"writes {region.kind} segment '{region.name}'")
        size = dtype.itemsize
        step = operand.index_stride if operand.index else 0
        if any(value % size for value in (operand.base, step, *strides)):
            raise SimulationError(
                f"{operand.memory} address {operand.base:#x} is misaligned for {dtype}"
            )
        low, high = span(extents, strides, size)
        start = operand.base - region.address
        first, last = _index_range(start + low, start + high, step, region.data.nbytes)
        if last < first and not step:
            raise SimulationError(
                f"{operand.memory} bytes {operand.base + low:#x} to {operand.base + high:#x} leave "
                f"segment '{region.name}'"
            )
        count = max(last - first + 1, 0)
        ends = (operand.base + first * step, operand.base + last * step)
        bounds = (min(ends) + low, max(ends) + high)
        if not step:
            array = np.ndarray(extents, dtype, region.data, start, strides)
            return Placed(array, region, 0, False, bounds)
        if not count:
            array = np.empty((0, *extents), dtype)
        else:
            array = np.ndarray(
                (count, *extents), dtype, region.data, start + first * step, (step, *strides)
            )
        return Placed(array, region, first, True, bounds)


def _index_range(low: int, high: int, step: int, nbytes: int) -> tuple[int, int]:
    """Register values r for which low + r * step >= 0 and high + r * step <= nbytes; (0, -1) for none."""
    if step == 0:
        return (0, 0) if low >= 0 and high <= nbytes else (0, -1)
    if step > 0:
        return -(low // step), (nbytes - high) // step
    return -((nbytes - high) // -step), low // -step
