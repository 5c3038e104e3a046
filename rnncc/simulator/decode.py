"""From an instruction with known extents to a call: a function and the arrays that it takes.

Everything that does not change between executions is worked out here, once: bounds, views, axes dropped or
merged so that NumPy loops over as few as it can, and the function for the kind and type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction, Operand
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import NUMPY_TYPES
from rnncc.machine.rounding import Scaled
from rnncc.simulator import kernels
from rnncc.simulator.calls import Argument, Call, coalesce
from rnncc.simulator.matrices import Matrices
from rnncc.simulator.memory import Memory, Placed
from rnncc.simulator.numbers import Numbers
from rnncc.simulator.product import product

Extents = tuple[int, int, int]


class Decoder:
    """Binds instructions to memory.

    Args:
        memory: what the instructions touch.
        numbers: how float32 values are rounded (numerics ``machine``); None: they are not.
        wmem_bytes: size of wmem in container bytes.
    """

    def __init__(self, memory: Memory, numbers: Numbers | None, wmem_bytes: int):
        self.memory = memory
        self.numbers = numbers
        self.matrices = Matrices(numbers, wmem_bytes)

    def bind(self, instruction: Instruction, extents: Extents) -> Call | None:
        """The call of a tensor instruction; None when it has no element to write.

        Raises:
            SimulationError: an operand leaves its memory, or the instruction asks for something impossible.
        """
        if min(extents) < 0:
            raise SimulationError(f"negative extent {min(extents)}")
        op = instruction.op
        if op in ("mm", "mma"):
            return self.product(instruction, extents)
        if op in ("reduce", "argmax", "argmin"):
            return self._reduction(instruction, extents)
        if 0 in extents:
            return None
        if op == "dma" and instruction.operands[0].memory == "wmem":
            return self._load_matrix(instruction, extents)
        if op == "gather":
            return self._gather(instruction, extents)
        return self._pointwise(instruction, extents)

    def element(self, instruction: Instruction) -> Argument:
        """The one element that ``s.read`` reads, as an array of shape ()."""
        dtype = NUMPY_TYPES[instruction.types[0]]
        operand = instruction.operands[0]
        return _argument(self.memory.place(operand, dtype, (), (), False), operand)

    def _place(
        self,
        instruction: Instruction,
        which: int,
        extents: tuple[int, ...],
        strides: tuple[int, ...],
    ) -> Placed:
        operand = instruction.operands[which]
        spec = INSTRUCTIONS[instruction.op].operands[which]
        if operand.memory == "wmem":
            raise SimulationError(
                f"{instruction.mnemonic}: only mm reads wmem and only dma loads it"
            )
        return self.memory.place(
            operand, NUMPY_TYPES[instruction.types[which]], extents, strides, spec.writes
        )

    def _pointwise(self, instruction: Instruction, extents: Extents) -> Call:
        shape, strides = coalesce(extents, [operand.strides for operand in instruction.operands])
        placed = [self._place(instruction, i, shape, walk) for i, walk in enumerate(strides)]
        arguments = [_argument(p, o) for p, o in zip(placed, instruction.operands, strict=True)]
        function = self._function(instruction, placed, extents)
        pairs = zip(placed[1:], instruction.operands[1:], strict=True)
        if any(o != instruction.operands[0] and not _apart(placed[0], p) for p, o in pairs):
            function = kernels.shielded(function)
        return Call(function, (*arguments[1:], arguments[0]))

    def _function(
        self, instruction: Instruction, placed: list[Placed], extents: Extents
    ) -> Callable[..., object]:
        op, dtype = instruction.op, NUMPY_TYPES[instruction.types[0]]
        if op == "unary":
            alpha, beta = (*instruction.imm, 0.0, 0.0)[:2]
            return self._rounded(kernels.unary(instruction.kind, dtype, alpha, beta), dtype)
        if op == "binary":
            return self._rounded(kernels.binary(instruction.kind, dtype), dtype)
        if op == "cmp":
            return kernels.compare(instruction.kind)
        if op == "select":
            apart = all(_apart(placed[0], other) for other in placed[1:3])
            return kernels.select_apart if apart else kernels.select
        if op in ("convert", "dma"):
            return self._rounded(kernels.move if op == "dma" else kernels.convert, dtype)
        if op == "fill":
            value = np.asarray(instruction.imm[0]).astype(dtype)
            return self._rounded(lambda out: out.fill(value), dtype)
        if op == "iota":
            ramp = (np.arange(extents[2]) + instruction.imm[0]).astype(dtype)
            ramp = np.broadcast_to(ramp, extents).reshape(
                placed[0].array.shape[placed[0].indexed :]
            )
            return lambda out: np.copyto(out, ramp)
        raise SimulationError(f"the simulator cannot run '{instruction.mnemonic}'")

    def _rounded(self, function: Callable[..., object], dtype: np.dtype) -> Callable[..., object]:
        """A kernel, its destination last, with the machine's rounding of what it computes or moves."""
        if self.numbers is None or self.numbers.results is None or dtype != np.float32:
            return function
        results = self.numbers.results

        def rounded(*arguments: np.ndarray) -> None:
            function(*arguments)
            out = arguments[-1]
            np.copyto(out, results(out))

        return rounded

    def _reduction(self, instruction: Instruction, extents: Extents) -> Call | None:
        dst, src = instruction.operands
        if 0 in extents[:2]:
            return None
        outer, (to, over) = coalesce(extents[:2], [dst.strides[:2], src.strides[:2]])
        target = self._place(instruction, 0, outer, to)
        dtype = NUMPY_TYPES[instruction.types[0]]
        if extents[2] == 0:
            if instruction.op != "reduce":
                raise SimulationError(f"{instruction.mnemonic} over no element")
            return Call(kernels.empty_reduce(instruction.kind, dtype), (_argument(target, dst),))
        source = self._place(instruction, 1, (*outer, extents[2]), (*over, src.strides[2]))
        if instruction.op == "reduce":
            function = self._rounded(kernels.reduce(instruction.kind, dtype), dtype)
        else:
            function = kernels.arg(instruction.op, instruction.kind)
        return Call(function, (_argument(source, src), _argument(target, dst)))

    def _gather(self, instruction: Instruction, extents: Extents) -> Call:
        dst, table, index = instruction.operands
        rows = int(instruction.imm[0])
        if rows < 1:
            raise SimulationError(f"gather from a table of {rows} rows")
        inner, (to, at) = coalesce(extents[1:], [dst.strides[1:], table.strides[1:]])
        target = self._place(instruction, 0, (extents[0], *inner), (dst.strides[0], *to))
        source = self._place(instruction, 1, (rows, *inner), (table.strides[0], *at))
        which = self._place(instruction, 2, extents[:1], index.strides[:1])

        def gather(table: np.ndarray, index: np.ndarray, out: np.ndarray) -> None:
            if index.max() >= rows or index.min() < -rows:
                raise SimulationError(f"gather index outside a table of {rows} rows")
            out[...] = table[index]

        function = self._rounded(gather, NUMPY_TYPES[instruction.types[0]])
        return Call(
            function, (_argument(source, table), _argument(which, index), _argument(target, dst))
        )

    def _load_matrix(self, instruction: Instruction, extents: Extents) -> Call:
        dst, src = instruction.operands
        if extents[0] != 1:
            raise SimulationError("a dma to wmem loads one matrix: e0 must be 1")
        shape, strides = extents[1:], src.strides[1:]
        source = self._place(instruction, 1, shape, strides)
        kept = self.matrices.source(source)
        dtype = NUMPY_TYPES[instruction.types[0]]
        load, extra = self.matrices.loader(dst, shape, dtype, copy=source.region.kind != "const")
        return Call(load, (Argument(kept, src.index if source.indexed else 0, source.low), *extra))

    def panels(
        self, instruction: Instruction, operand: Operand, step: int, count: int
    ) -> np.ndarray | Scaled:
        """The matrices [count, n, k] of loads into wmem from constants, each `step` bytes behind the one before.

        Args:
            instruction: one of the loads.
            operand: where the first one lies.
            step: not zero.
            count: how many.

        Raises:
            SimulationError: one of them leaves its segment, or is no constant.
        """
        if instruction.extents[0].value != 1 or not step:
            raise SimulationError("not one matrix after the other")
        shape = tuple(extent.value for extent in instruction.extents[1:])
        moved = replace(operand, index=1, index_stride=step)
        dtype = NUMPY_TYPES[instruction.types[0]]
        placed = self.memory.place(moved, dtype, shape, operand.strides[1:], False)
        array = placed.array[-placed.low : count - placed.low]
        if placed.region.kind != "const" or placed.low > 0 or len(array) < count:
            raise SimulationError("loads that are no constants")
        return self.matrices.source(replace(placed, array=array))

    def product(
        self, instruction: Instruction, extents: Extents, w_array: Argument | None = None
    ) -> Call | None:
        """The call of ``mm`` and ``mma``, with a matrix of wmem or with `w_array`; see ``bind``."""
        m, n, k = extents
        dst, x, w = instruction.operands
        accumulate = instruction.op == "mma"
        if m == 0 or n == 0 or (k == 0 and accumulate):
            return None
        vector = m == 1
        axes = (dst.strides[1],) if vector else dst.strides[:2]
        target = self._place(instruction, 0, (n,) if vector else (m, n), axes)
        if k == 0:
            return Call(lambda out: out.fill(0), (_argument(target, dst),))
        source = self._place(
            instruction,
            1,
            (k,) if vector else (m, k),
            (x.strides[2],) if vector else x.strides[::2],
        )
        out_type, x_type, w_type = (NUMPY_TYPES[name] for name in instruction.types)
        function = product(
            out_type=out_type,
            x_type=x_type,
            dense_out=dst.strides[1] == out_type.itemsize,
            vector=vector,
            accumulate=accumulate,
            numbers=self.numbers,
        )
        matrix = w_array or self.matrices.argument(w, (n, k), w_type)
        return Call(function, (matrix, _argument(source, x), _argument(target, dst)))


def _argument(placed: Placed, operand: Operand) -> Argument:
    return Argument(placed.array, operand.index if placed.indexed else 0, placed.low)


def _apart(a: Placed, b: Placed) -> bool:
    return a.region is not b.region or a.bounds[1] <= b.bounds[0] or b.bounds[1] <= a.bounds[0]
