"""What each operation of the npu dialect does to the interpreter's registers and memories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import Operation

from rnncc.dialects import npu
from rnncc.errors import InputError, SimulationError
from rnncc.interpreter import kernels
from rnncc.interpreter.npu import NpuInterpreter
from rnncc.isa.scalar import evaluate

Handler = Callable[[NpuInterpreter, Any], None]


def _instruction(compute: Callable[..., None]) -> Handler:
    """A handler that resolves all operands of an instruction and calls ``compute(op, *arrays)``."""

    def handler(self: NpuInterpreter, op: Operation) -> None:
        assert isinstance(op, npu.InstructionOp)
        extents = self.extents(op)
        compute(op, *(self.operand(op, name, extents) for name in op.VIEWS))

    return handler


def _mm(op: npu.MmOp, dst: np.ndarray, x: np.ndarray, w: np.ndarray) -> None:
    wide = (a.astype(dst.dtype, copy=False) for a in (x, w))
    product = kernels.matmul(*wide, transpose_b=True)
    dst[...] = dst + product if op.accumulate is not None else product


def _unary(op: npu.UnaryOp, dst: np.ndarray, a: np.ndarray) -> None:
    alpha = npu.number_value(op.alpha) if op.alpha is not None else None
    beta = npu.number_value(op.beta) if op.beta is not None else None
    dst[...] = kernels.unary(op.kind.data, a, alpha, beta)


def _binary(op: npu.BinaryOp, dst: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    dst[...] = kernels.binary(op.kind.data, a, b)


def _compare(op: npu.CompareOp, dst: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    dst[...] = kernels.compare(op.kind.data, a, b)


def _select(op: npu.SelectOp, dst: np.ndarray, *sources: np.ndarray) -> None:
    dst[...] = np.where(*sources)


def _convert(op: npu.ConvertOp, dst: np.ndarray, a: np.ndarray) -> None:
    dst[...] = kernels.convert(a, dst.dtype)


def _fill(op: npu.FillOp, dst: np.ndarray) -> None:
    dst[...] = np.asarray(npu.number_value(op.value)).astype(dst.dtype)


def _iota(op: npu.IotaOp, dst: np.ndarray) -> None:
    dst[...] = (npu.number_value(op.start, 0) + np.arange(dst.shape[2])).astype(dst.dtype)


def _reduce(op: npu.ReduceOp, dst: np.ndarray, a: np.ndarray) -> None:
    dst[...] = kernels.reduce(op.kind.data, a, 2)


def _argreduce(op: npu.ArgReduceOp, dst: np.ndarray, a: np.ndarray) -> None:
    dst[...] = kernels.argreduce(op.kind.data, a, 2, op.select_last is not None)


def _dma(op: npu.DmaOp, dst: np.ndarray, src: np.ndarray) -> None:
    dst[...] = src.copy()


def _gather(self: NpuInterpreter, op: npu.GatherOp) -> None:
    rows = op.rows.value.data
    extents = self.extents(op)
    dst, index = self.operand(op, "dst", extents), self.operand(op, "index", extents)
    if index.size and (index.min() < -rows or index.max() >= rows):
        raise SimulationError(f"npu.gather: an index lies outside a table of {rows} rows")
    view = op.table.owner
    assert isinstance(view, npu.ViewOp)
    table = self.storage.window(view, self.index(view), (rows, *extents[1:]), view.stride_values)
    dst[...] = table[index]


def _loop(self: NpuInterpreter, op: npu.LoopOp) -> None:
    count = op.maximum if op.count is None else self.registers[op.count]
    if count > op.maximum:
        raise SimulationError(f"a loop of at most {op.maximum} turns was asked for {count}")
    for turn in range(count):
        self.registers[op.index] = turn
        try:
            self.block(op.body.block)
        except _Leave:
            return


class _Leave(Exception):
    """The innermost loop ends."""


def _break(self: NpuInterpreter, op: npu.BreakOp) -> None:
    if not self.registers[op.condition]:
        raise _Leave


def _if(self: NpuInterpreter, op: npu.IfOp) -> None:
    taken = op.then_region if self.registers[op.condition] else op.else_region
    self.block(taken.block)


def _scalar(self: NpuInterpreter, op: npu.ScalarOp) -> None:
    a, b = self.registers[op.a], self.registers[op.b]
    try:
        self.registers[op.result] = evaluate(op.kind.data, a, b)
    except ZeroDivisionError:
        raise SimulationError(f"npu.scalar {op.kind.data} divides by zero") from None


def _read(self: NpuInterpreter, op: npu.ReadOp) -> None:
    view = op.view.owner
    assert isinstance(view, npu.ViewOp)
    element = self.storage.window(view, self.index(view), (1,), (0,))
    self.registers[op.result] = kernels.read_element(element)


def _immediate(self: NpuInterpreter, op: npu.ImmediateOp) -> None:
    self.registers[op.result] = op.value.value.data


def _length(self: NpuInterpreter, op: npu.LengthOp) -> None:
    symbol = op.symbol.data
    if symbol not in self.lengths:
        raise InputError(f"the length of '{symbol}' is not known")
    self.registers[op.result] = self.lengths[symbol]


def _storage(self: NpuInterpreter, op: Operation) -> None:
    self.storage.array(op.results[0])


HANDLERS: dict[type[Operation], Handler] = {
    npu.AllocOp: _storage,
    npu.ConstOp: _storage,
    npu.InputOp: _storage,
    npu.OutputOp: _storage,
    npu.LoopOp: _loop,
    npu.IfOp: _if,
    npu.BreakOp: _break,
    npu.ScalarOp: _scalar,
    npu.ReadOp: _read,
    npu.ImmediateOp: _immediate,
    npu.LengthOp: _length,
    npu.GatherOp: _gather,
    npu.MmOp: _instruction(_mm),
    npu.UnaryOp: _instruction(_unary),
    npu.BinaryOp: _instruction(_binary),
    npu.CompareOp: _instruction(_compare),
    npu.SelectOp: _instruction(_select),
    npu.ConvertOp: _instruction(_convert),
    npu.FillOp: _instruction(_fill),
    npu.IotaOp: _instruction(_iota),
    npu.ReduceOp: _instruction(_reduce),
    npu.ArgReduceOp: _instruction(_argreduce),
    npu.DmaOp: _instruction(_dma),
}
"""Operation class -> what it does."""
