"""The weight memory: whole matrices by address, bound to constants without a copy.

A ``dma`` into wmem loads one matrix; ``mm`` names it again by base address and shape, or several that lie one below
the other as one. What the memory holds is therefore a mapping from (address, n, k, type) to an array, and a load
forgets every matrix that it overlaps.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Operand
from rnncc.machine.rounding import Scaled
from rnncc.simulator.memory import Placed
from rnncc.simulator.numbers import Numbers
from rnncc.simulator.product import blas_ready, is_bf16, widened


@dataclass(frozen=True)
class MatrixArgument:
    """The matrix that an instruction reads.

    Attributes:
        slot: its number (``Matrices.store``) when ``register`` is 0.
        register: index register of the address; 0 = none.
        lookup: with a register, the function from its value to the slot.
    """

    slot: int = 0
    register: int = 0
    lookup: Callable[[int], int] | None = None


@dataclass(frozen=True)
class RegisterArgument:
    """The value of a scalar register."""

    register: int


class Store(dict[int, "np.ndarray | Scaled"]):
    """Slot -> the matrix [n, k] it holds now; one that was loaded in parts is put together when it is first read.

    Args:
        join: the matrix of a slot from its parts, or None.
    """

    def __init__(self, join: Callable[[int], np.ndarray | Scaled | None]):
        super().__init__()
        self._join = join

    def __missing__(self, slot: int) -> np.ndarray | Scaled:
        matrix = self._join(slot)
        if matrix is None:
            raise KeyError(slot)
        self[slot] = matrix
        return matrix


class Matrices:
    """What wmem holds during one run.

    Args:
        numbers: what float32 matrices become as they are loaded; None: they stay.
        nbytes: size of wmem in container bytes.
    """

    def __init__(self, numbers: Numbers | None, nbytes: int):
        self.numbers = numbers
        self.nbytes = nbytes
        self.store = Store(self._joined)
        self._slots: dict[tuple[int, int, int, np.dtype], int] = {}
        self._starts: list[tuple[int, int, int]] = []
        self._victims: list[list[int]] = []
        self._longest = 0
        self._apart: set[int] = set()
        """Slots whose rows do not follow one another without a gap."""

    def describe(self, slot: int) -> str:
        """A slot for messages."""
        for (address, n, k, dtype), number in self._slots.items():
            if number == slot:
                return f"no {n} x {k} {dtype} matrix was loaded at wmem address {address:#x}"
        return "no matrix"

    def _joined(self, slot: int) -> np.ndarray | Scaled | None:
        """The matrix of a slot, from matrices that lie one below the other in its place; None if there are none."""
        wanted = {number: key for key, number in self._slots.items()}
        address, n, k, dtype = wanted[slot]
        if slot in self._apart:
            return None
        held = {
            wanted[number][0]: number
            for number in self.store
            if wanted[number][2:] == (k, dtype) and number not in self._apart
        }
        parts: list[np.ndarray | Scaled] = []
        rows = 0
        while rows < n:
            number = held.get(address + rows * k * dtype.itemsize)
            if number is None or not 0 < wanted[number][1] <= n - rows:
                return None
            parts.append(self.store[number])
            rows += wanted[number][1]
        if not parts:
            return None
        scaled = [part for part in parts if isinstance(part, Scaled)]
        if scaled:
            values = np.concatenate([part.values for part in scaled])
            return Scaled(values, np.concatenate([part.scale for part in scaled]))
        return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])

    def slot(self, address: int, shape: tuple[int, int], dtype: np.dtype, pitch: int = 0) -> int:
        """The number of a matrix at an address, rows `pitch` bytes apart; made on first use.

        Raises:
            SimulationError: it does not lie within wmem.
        """
        key = (address, *shape, dtype)
        found = self._slots.get(key)
        if found is not None:
            return found
        row = shape[1] * dtype.itemsize
        size = (shape[0] - 1) * max(row, pitch) + row if shape[0] else 0
        if address < 0 or address + size > self.nbytes:
            raise SimulationError(
                f"wmem address {address:#x}: a matrix of {size} bytes leaves the memory of {self.nbytes}"
            )
        number = len(self._slots)
        victims = []
        self._longest = max(self._longest, size)
        first = bisect_left(self._starts, (address - self._longest, 0, 0))
        for start, length, other in self._starts[first:]:
            if start >= address + size:
                break
            if start + length > address:
                victims.append(other)
                self._victims[other].append(number)
        insort(self._starts, (address, size, number))
        self._slots[key] = number
        if pitch > row:
            self._apart.add(number)
        self._victims.append(victims)
        return number

    def argument(self, operand: Operand, shape: tuple[int, int], dtype: np.dtype) -> MatrixArgument:
        """How an instruction reaches the matrix that its operand names.

        Raises:
            SimulationError: rows are not dense, or the address is outside wmem. Rows of fewer than the largest
                number of columns (a run-time k) keep the distance of the largest.
        """
        _, row, element = operand.strides
        if (shape[1] > 1 and element != dtype.itemsize) or (
            shape[0] > 1 and row < shape[1] * dtype.itemsize
        ):
            raise SimulationError(f"wmem address {operand.base:#x}: the matrix is not dense")
        if not operand.index or not operand.index_stride:
            return MatrixArgument(self.slot(operand.base, shape, dtype, row))

        def lookup(value: int) -> int:
            return self.slot(operand.base + value * operand.index_stride, shape, dtype, row)

        return MatrixArgument(register=operand.index, lookup=lookup)

    def source(self, placed: Placed) -> np.ndarray | Scaled:
        """The array that loads take their matrix from: the constant itself wherever possible.

        A constant is copied, once, when the products need another type, rounding that the compiler did not do, a
        layout that BLAS reads, or alignment (a memory-mapped file gives none).
        """
        array = placed.array
        if placed.region.kind != "const":
            return array
        if widened(array.dtype) != array.dtype:
            return array.astype(widened(array.dtype))
        numbers = self.numbers
        if numbers is not None and array.dtype == np.float32:
            # The compiler has rounded bf16 weights already.
            if numbers.weights == "bf16" and is_bf16(array):
                return array
            return numbers.load(array)
        if not array.flags.aligned or not blas_ready(array):
            return np.array(array, order="C")
        return array

    def loader(
        self, operand: Operand, shape: tuple[int, int], dtype: np.dtype, copy: bool
    ) -> tuple[Callable[..., None], tuple[RegisterArgument, ...]]:
        """The function ``f(matrix)`` or ``f(matrix, register value)`` that loads wmem, and its extra arguments.

        Args:
            operand: where to.
            shape: (n, k).
            dtype: container type of the elements.
            copy: the source may change later.
        """
        target = self.argument(operand, shape, dtype)
        store, victims = self.store, self._victims
        wide, numbers = widened(dtype), self.numbers if dtype == np.float32 else None

        def put(slot: int, matrix: np.ndarray) -> None:
            for other in victims[slot]:
                store.pop(other, None)
            if copy:
                matrix = numbers.load(matrix) if numbers else matrix.astype(wide, order="C")  # type: ignore[assignment]
            store[slot] = matrix

        if target.lookup is None:
            slot = target.slot
            return (lambda matrix: put(slot, matrix)), ()
        lookup = target.lookup
        return (lambda matrix, value: put(lookup(value), matrix)), (
            RegisterArgument(target.register),
        )
