"""Values of a whole program: its inputs into memory, the instructions, its outputs out again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rnncc.errors import InputError
from rnncc.isa.types import NUMPY_TYPES
from rnncc.program import Port, Program
from rnncc.simulator.control_slice import control_slice
from rnncc.simulator.decode import Decoder
from rnncc.simulator.lengths import MAX_INSTRUCTIONS, actual_shape, executed, start_registers
from rnncc.simulator.memory import Memory
from rnncc.simulator.numbers import Numbers
from rnncc.simulator.values import Values

_KEY = "simulator.values"
_CONTROL_KEY = "simulator.values.control"


class Bound:
    """A program with memory of its own; made by its first run and kept with it.

    Args:
        program: what to run; its constants are used where they lie.
        only: the tensor instructions to execute (``control_slice``); None for all, which outputs need.
        wide: execute loops of independent iterations at once; the values are the same.
    """

    def __init__(self, program: Program, only: frozenset[int] | None = None, *, wide: bool = True):
        size = NUMPY_TYPES["f32"].itemsize
        numbers = Numbers.of(program.machine) if program.numerics == "machine" else None
        self.program = program
        self.memory = Memory(program.segments, -(-_vmem_bytes(program) // size) * size)
        # New memory is zero, and the host gives pages that no run touches no room.
        self._used = False
        # Iterations at once join weights and vectors; only what rounds each element for itself allows that.
        plain = numbers is None or (numbers.weights == "bf16" and numbers.results is None)
        decoder = Decoder(self.memory, numbers, program.capacity("wmem"))
        self.registers = {symbol.register for symbol in program.symbols.values()}
        self.values = Values(
            program.instructions, decoder, sorted(self.registers), only, wide and plain
        )

    def run(
        self,
        inputs: Mapping[str, np.ndarray],
        lengths: Mapping[str, int],
        progress: Callable[[float], None] | None = None,
        max_instructions: int = MAX_INSTRUCTIONS,
    ) -> tuple[dict[str, np.ndarray], list[int]]:
        """Run once.

        Args:
            inputs: array by input name, of the port's type and actual shape.
            lengths: symbol -> actual length.
            progress: called with the share of the work done, 0 to 1.
            max_instructions: what the program may execute.

        Returns: arrays by output name at their actual shapes, and the values that ``s.read`` read.

        Raises:
            InputError: an input is missing or does not fit its port.
            SimulationError: see ``Values.run``.
        """
        program = self.program
        registers = start_registers(program, lengths)
        if self._used:
            for region in self.memory.dram:
                if region.writable:
                    region.data.fill(0)
            self.memory.vmem.data.fill(0)
        self._used = True
        for port in program.inputs:
            if port.name not in inputs:
                raise InputError(f"input '{port.name}' is missing")
            self._view(port, actual_shape(program, port, lengths))[...] = _checked(
                program, port, inputs[port.name], lengths
            )
        hook = None
        if progress is not None:
            total = max(executed(program.instructions, self.values.body, registers), 1)
            hook = _fraction(progress, total)
        trace = self.values.run(registers, progress=hook, max_instructions=max_instructions)
        outputs = {
            port.name: self._view(port, actual_shape(program, port, lengths)).copy()
            for port in program.outputs
        }
        return outputs, trace

    def _view(self, port: Port, shape: tuple[int, ...]) -> np.ndarray:
        dtype = NUMPY_TYPES[port.dtype]
        whole = np.ndarray(port.shape, dtype, self.memory.by_name[port.segment].data)
        # The ellipsis keeps a scalar an array.
        return whole[(..., *(slice(0, extent) for extent in shape))]


def _vmem_bytes(program: Program) -> int:
    return program.memory.get("vmem", program.capacity("vmem"))


def bound(program: Program) -> Bound:
    """The program bound to memory; the same object every time."""
    if _KEY not in program.cache:
        program.cache[_KEY] = Bound(program)
    return program.cache[_KEY]


def bound_for_control(program: Program) -> Bound:
    """The program bound to memory, without the instructions that its scalar reads do not need."""
    if _CONTROL_KEY not in program.cache:
        only = control_slice(program)
        program.cache[_CONTROL_KEY] = bound(program) if only is None else Bound(program, only)
    return program.cache[_CONTROL_KEY]


def _checked(
    program: Program, port: Port, array: np.ndarray, lengths: Mapping[str, int]
) -> np.ndarray:
    array = np.asarray(array)
    shape = actual_shape(program, port, lengths)
    if array.shape != shape or array.dtype != NUMPY_TYPES[port.dtype]:
        raise InputError(
            f"input '{port.name}' is {array.dtype}{list(array.shape)}, expected "
            f"{NUMPY_TYPES[port.dtype]}{list(shape)}"
        )
    return array


def _fraction(progress: Callable[[float], None], total: int) -> Callable[[int], None]:
    return lambda done: progress(min(done / total, 1.0))
