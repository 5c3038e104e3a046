"""NumPy semantics of the npu dialect: what a module computes, before and after `allocate`.

Buffers are arrays of their own before addresses are known. Once an `npu.alloc` has an address it
is a window of one array for its memory, so that two buffers placed over each other disturb each
other here as they would on the machine. Work memory starts as NaN (or the largest integer): a
read of something never written shows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, SSAValue

from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.dialects._types import symbol_maxima
from rnncc.errors import InputError, SimulationError
from rnncc.interpreter._npu_memory import Storage


def run_npu(
    module: ModuleOp | FuncOp,
    inputs: Mapping[str, np.ndarray],
    lengths: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Run the ``main`` function of a module at the npu level.

    Args:
        module: the module, or its function.
        inputs: an array for each `npu.input`, by name; the maximum shape, or a shorter one in the
            dimensions that follow a symbol.
        lengths: run-time length of symbols that no input decides.

    Returns:
        The outputs by name, at their actual shapes.

    Raises:
        InputError: an input is missing or does not fit.
        SimulationError: an access leaves its buffer, or a register is impossible.
    """
    return NpuInterpreter(main_function(module)).run(inputs, lengths or {})


class NpuInterpreter:
    """One run of one function; registers are Python integers."""

    def __init__(self, function: FuncOp):
        self.function = function
        self.registers: dict[SSAValue, int] = {}
        self.storage = Storage(function)
        self.lengths: dict[str, int] = {}

    def run(
        self, inputs: Mapping[str, np.ndarray], lengths: Mapping[str, int]
    ) -> dict[str, np.ndarray]:
        """See `run_npu`."""
        maxima = symbol_maxima(self.function)
        self.lengths = {**maxima, **lengths}
        ports = [op for op in self.function.walk() if isinstance(op, npu.InputOp | npu.OutputOp)]
        for port in ports:
            if isinstance(port, npu.InputOp):
                self._bind(port, inputs, maxima)
        with np.errstate(all="ignore"):
            self.block(self.function.body.block)
        outputs = [port for port in ports if isinstance(port, npu.OutputOp)]
        return {
            port.sym.data: self.storage.array(port.buffer)[self._window(port, maxima)].copy()
            for port in sorted(outputs, key=lambda p: p.index.value.data)
        }

    def block(self, block: Block) -> None:
        """Run the operations of a block in order."""
        from rnncc.interpreter._npu_handlers import HANDLERS

        for op in block.ops:
            handler = HANDLERS.get(type(op))
            if handler is not None:
                handler(self, op)
            elif op.name not in ("func.return", "npu.view"):
                raise SimulationError(f"{op.name} has no meaning at the npu level")

    def _bind(
        self, port: npu.InputOp, inputs: Mapping[str, np.ndarray], maxima: Mapping[str, int]
    ) -> None:
        name = port.sym.data
        if name not in inputs:
            raise InputError(f"input '{name}' is missing")
        value = np.asarray(inputs[name])
        target = self.storage.array(port.buffer)
        if value.ndim != target.ndim or value.dtype != target.dtype:
            raise InputError(
                f"input '{name}' is {value.dtype}{list(value.shape)}, "
                f"expected {target.dtype}{list(target.shape)}"
            )
        for got, full, symbol in zip(value.shape, target.shape, port.dim_symbols, strict=True):
            if symbol and maxima.get(symbol):
                self.lengths[symbol] = got * maxima[symbol] // full
            elif got != full:
                raise InputError(f"input '{name}' has shape {value.shape}, not {target.shape}")
        target[tuple(slice(0, n) for n in value.shape)] = value

    def _window(self, port: npu.OutputOp, maxima: Mapping[str, int]) -> tuple[slice, ...]:
        assert isinstance(port.buffer.type, npu.BufferType)
        window = []
        for full, symbol in zip(port.buffer.type.dims, port.dim_symbols, strict=True):
            size = full * self.lengths[symbol] // maxima[symbol] if symbol else full
            window.append(slice(0, size))
        return tuple(window)

    def operand(self, op: npu.InstructionOp, name: str, extents: tuple[int, ...]) -> np.ndarray:
        """The array that an operand of an instruction names, over the axes it has."""
        view = op.operands[op.VIEWS.index(name)].owner
        assert isinstance(view, npu.ViewOp)
        axes = op.AXES.get(name, (0, 1, 2))
        strides = view.stride_values
        return self.storage.window(
            view, self.index(view), [extents[a] for a in axes], [strides[a] for a in axes]
        )

    def index(self, view: npu.ViewOp) -> int:
        """The run-time value of a view's index; 0 without one."""
        return 0 if view.index is None else self.registers[view.index]

    def extents(self, op: npu.InstructionOp) -> tuple[int, ...]:
        """The run-time extents of an instruction.

        Raises:
            SimulationError: a register makes one negative.
        """
        counts = tuple(
            count * (1 if dim is None else self.registers[dim])
            for count, dim in zip(op.extent_values, op.dims, strict=True)
        )
        if min(counts) < 0:
            raise SimulationError(f"{op.name} with a negative extent {counts}")
        return counts
