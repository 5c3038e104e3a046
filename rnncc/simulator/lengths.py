"""What run-time lengths make of a program: its start registers, its ports' shapes, how many instructions it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnncc.errors import InputError
from rnncc.isa.instruction import Instruction
from rnncc.program import Port, Program
from rnncc.simulator.structure import Body, Loop

MAX_INSTRUCTIONS = 10**9
"""Instructions a run may execute; a program that needs more is taken for an endless one."""

PROGRESS_EVERY = 5000
"""Instructions between two reports of progress."""


def start_registers(program: Program, lengths: Mapping[str, int]) -> dict[int, int]:
    """Registers that hold a run-time length when the program starts.

    Args:
        program: the program.
        lengths: symbol -> actual length; a symbol that is not given has its maximum.

    Raises:
        InputError: a length that the program was not compiled for.
    """
    registers = {}
    for name, symbol in program.symbols.items():
        length = lengths.get(name, symbol.maximum)
        if not 0 <= length <= symbol.maximum:
            raise InputError(f"length {name}={length} is outside 0..{symbol.maximum}")
        registers[symbol.register] = int(length)
    return registers


def actual_shape(program: Program, port: Port, lengths: Mapping[str, int]) -> tuple[int, ...]:
    """Shape of a port at the given run-time lengths (maxima where not given)."""
    shape = []
    for extent, name in zip(port.shape, port.symbols, strict=True):
        maximum = program.symbols[name].maximum if name else 0
        actual = lengths.get(name, maximum) if name else 1
        shape.append(extent // max(maximum, 1) * actual)
    return tuple(shape)


def executed(instructions: Sequence[Instruction], body: Body, registers: Mapping[int, int]) -> int:
    """About how many instructions a run executes: loops of a computed count are taken at their maximum."""
    written = {item.rd for item in instructions if item.op.startswith("s")}

    def count(body: Body) -> int:
        total = len(body.items)
        for item in body.items:
            if isinstance(item, Loop):
                loop = instructions[item.pc]
                known = loop.ra not in written and loop.ra in registers
                times = registers[loop.ra] if known else int(loop.imm[0])
                total += times * (1 + count(item.body))
        return total

    return count(body)
