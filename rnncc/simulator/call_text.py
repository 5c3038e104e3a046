"""Calls of instructions as text: bound functions, views by register, weights by slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.machine.rounding import Scaled
from rnncc.simulator.calls import Argument, Call
from rnncc.simulator.decode import Decoder
from rnncc.simulator.matrices import MatrixArgument, RegisterArgument
from rnncc.simulator.source import Source

CACHED_EXTENTS = 256
"""Sets of run-time extents an instruction keeps bound before it starts afresh."""


class CallText:
    """Writes calls.

    Args:
        decoder: binds instructions to memory.
        never_negative: registers that index views as they are. (NumPy would take a negative index as one from the
            end.)
    """

    def __init__(self, decoder: Decoder, never_negative: frozenset[int]):
        self.decoder = decoder
        self._never_negative = never_negative

    def element(self, source: Source, pc: int, instruction: Instruction) -> str:
        """The element that an ``s.read`` reads."""
        try:
            argument = self.decoder.element(instruction)
        except SimulationError as error:
            raise SimulationError(f"instruction {pc} ({instruction.mnemonic}): {error}") from None
        return self._texts(source, pc, (argument,))

    def bind(self, pc: int, instruction: Instruction, extents: tuple[int, int, int]) -> Call | None:
        """The call of an instruction with these extents; None when it has nothing to do.

        Raises:
            SimulationError: it leaves its memory; names the instruction.
        """
        try:
            return self.decoder.bind(instruction, extents)
        except SimulationError as error:
            raise SimulationError(f"instruction {pc} ({instruction.mnemonic}): {error}") from None

    def text(self, source: Source, pc: int, call: Call, mark: str = "") -> str:
        """A call as an expression.

        Args:
            source: gets the names that it uses.
            pc: the instruction.
            call: bound.
            mark: tells calls of one instruction apart.
        """
        name = source.name(f"f{pc}{mark}", call.function)
        return f"{name}({self._texts(source, f'{pc}{mark}', call.arguments)})"

    def _texts(self, source: Source, pc: int | str, arguments: Sequence[object]) -> str:
        texts = []
        for place, argument in enumerate(arguments):
            if isinstance(argument, RegisterArgument):
                texts.append(f"r{argument.register}")
            elif isinstance(argument, MatrixArgument):
                slot = str(argument.slot)
                if argument.register:
                    name = source.name(f"l{pc}_{place}", argument.lookup)
                    slot = f"{name}(r{argument.register})"
                texts.append(f"W[{slot}]")
            elif isinstance(argument, Argument):
                texts.append(self._element_text(source, f"a{pc}_{place}", argument))
        return ", ".join(texts)

    def _element_text(self, source: Source, name: str, argument: Argument) -> str:
        source.name(name, argument.array)
        if not argument.register:
            return name
        register = f"r{argument.register}"
        if argument.low == 0 and argument.register in self._never_negative:
            return f"{name}[{register}]"
        checked = source.name(f"{name}_at", _checked(argument))
        return f"{checked}({register})"

    def bound_on_demand(self, source: Source, pc: int, instruction: Instruction) -> None:
        """An instruction whose extents come from registers: bound on demand for each set of extents."""
        extents = ", ".join(
            f"{extent.value} * r{extent.reg}" if extent.reg else str(extent.value)
            for extent in instruction.extents
        )
        used = sorted({operand.index for operand in instruction.operands if operand.index})
        registers = ", ".join(f"r{number}" for number in used)
        bound: dict[tuple[int, int, int], Callable[..., object]] = {}

        def bind(extents: tuple[int, int, int]) -> Callable[..., object]:
            call = self.bind(pc, instruction, extents)
            part = Source(False)
            part.names["W"] = self.decoder.matrices.store
            part.line(self.text(part, pc, call) if call is not None else "pass")
            if len(bound) >= CACHED_EXTENTS:
                bound.clear()
            bound[extents] = part.compile(registers)
            return bound[extents]

        table, binder = source.name(f"e{pc}", bound.get), source.name(f"b{pc}", bind)
        source.line(f"key = ({extents})")
        source.line(f"({table}(key) or {binder}(key))({registers})")


def _checked(argument: Argument) -> Callable[[int], np.ndarray | Scaled]:
    """``array[value - low]`` that refuses what lies before the first entry."""
    array, low = argument.array, argument.low

    def at(value: int) -> np.ndarray | Scaled:
        if value < low:
            raise IndexError(value)
        return array[value - low]

    return at
