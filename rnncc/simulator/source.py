"""Generated Python text that remembers which instruction each line belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.simulator.matrices import Matrices

_FILE = "<rnncc program>"


class Source:
    """A function's text under construction.

    Args:
        hooked: the text reports progress.
    """

    def __init__(self, hooked: bool):
        self.hooked = hooked
        self.names: dict[str, Any] = {}
        """Global names of the function."""
        self.indent = 1
        self.pc = 0
        """Instruction that the next lines belong to."""
        self._lines: list[str] = []
        self._pcs: list[int] = []

    def line(self, text: str) -> None:
        """Add one line at the current indent."""
        self._lines.append(" " * self.indent + text)
        self._pcs.append(self.pc)

    def assign(self, register: int, text: str) -> None:
        """Set a register; r0 only evaluates the expression."""
        self.line(f"r{register} = {text}" if register else text)

    def name(self, name: str, value: object) -> str:
        """Make a value known under a global name; returns the name."""
        self.names[name] = value
        return name

    def compile(self, parameters: str) -> Callable[..., Any]:
        """The function with the given parameter list."""
        text = "\n".join([f"def program({parameters}):", *(self._lines or [" pass"])])
        names = {"__builtins__": {}, **self.names}
        exec(compile(text, _FILE, "exec"), names)
        return names["program"]

    def _where(self, error: BaseException) -> tuple[int, dict[str, Any]]:
        trace: TracebackType | None = error.__traceback__
        frame: FrameType | None = None
        line = 2
        while trace is not None:
            # The outermost generated frame is the program; inner ones are instructions with variable extents.
            if frame is None and trace.tb_frame.f_code.co_filename == _FILE:
                frame, line = trace.tb_frame, trace.tb_lineno
            trace = trace.tb_next
        return self._pcs[line - 2], dict(frame.f_locals) if frame is not None else {}

    def locate(
        self, error: SimulationError, instructions: Sequence[Instruction]
    ) -> SimulationError:
        """The error with the instruction's number in front, unless it has one."""
        if error.message.startswith("instruction "):
            return error
        pc, _ = self._where(error)
        return SimulationError(f"instruction {pc} ({instructions[pc].mnemonic}): {error.message}")

    def blame(
        self, error: Exception, instructions: Sequence[Instruction], matrices: Matrices
    ) -> SimulationError:
        """What NumPy or Python refused, as an error about the program."""
        pc, registers = self._where(error)
        instruction = instructions[pc]
        if isinstance(error, ZeroDivisionError):
            what = "division by zero"
        elif isinstance(error, KeyError) and instruction.op in ("mm", "mma"):
            what = matrices.describe(error.args[0])
        elif isinstance(error, IndexError):
            reached = [
                f"{operand.memory} {operand.base + registers[f'r{operand.index}'] * operand.index_stride:#x}"
                for operand in instruction.operands
                if operand.index and f"r{operand.index}" in registers
            ]
            what = f"address outside its segment, one of {', '.join(reached)}"
        else:
            what = str(error)
        return SimulationError(f"instruction {pc} ({instruction.mnemonic}): {what}")
