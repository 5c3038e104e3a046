"""The values of a program: its instructions as one generated Python function over bound NumPy views.

Loops become Python loops, scalar registers local variables and every other instruction one call with its arrays
already made, so that a step costs little more than the NumPy calls it stands for. The text is generated from
integers only (register numbers, constants of instructions), never from names in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.simulator.decode import Argument, Call, Decoder
from rnncc.simulator.matrices import MatrixArgument, RegisterArgument
from rnncc.simulator.source import Source
from rnncc.simulator.structure import Body, Loop, parse, start_of

MAX_INSTRUCTIONS = 10**9
"""Instructions a run may execute; a program that needs more is taken for an endless one."""

PROGRESS_EVERY = 5000
"""Instructions between two reports of progress."""

CACHED_EXTENTS = 256
"""Sets of run-time extents an instruction keeps bound before it starts afresh."""

_SCALAR = {
    "add": "wrap({0} + {1})",
    "sub": "wrap({0} - {1})",
    "mul": "wrap({0} * {1})",
    "div": "{0} // {1}",
    "ceildiv": "-(-{0} // {1})",
    "mod": "{0} % {1}",
    "min": "({0} if {0} < {1} else {1})",
    "max": "({0} if {0} > {1} else {1})",
    "lt": "int({0} < {1})",
    "le": "int({0} <= {1})",
    "eq": "int({0} == {1})",
    "ne": "int({0} != {1})",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
}
_LOW, _RANGE = -(1 << 63), 1 << 64


def wrap(value: int) -> int:
    """An integer in 64-bit two's complement."""
    return (value - _LOW) % _RANGE + _LOW


def scalar(instruction: Instruction) -> str:
    """The expression of an ``s.<kind>``, over local variables ``r1`` to ``r31``."""
    b = f"({int(instruction.imm[0])})" if instruction.imm else f"r{instruction.rb}"
    return _SCALAR[instruction.kind].format(f"r{instruction.ra}", b)


def read_element(array: np.ndarray) -> int:
    """An element as ``s.read`` reads it: truncated; not a number is 0, infinities the limits."""
    value = array.item()
    if isinstance(value, float):
        if isnan(value):
            return 0
        value = max(min(value, 9.3e18), -9.3e18)
    return max(min(int(value), _RANGE // 2 - 1), _LOW)


class Values:
    """A program bound to memory, ready to run any number of times.

    Args:
        instructions: the whole program.
        decoder: binds them.
        presets: registers that hold a value when the program starts.
    """

    def __init__(
        self, instructions: Sequence[Instruction], decoder: Decoder, presets: Sequence[int]
    ):
        self.instructions = instructions
        self.decoder = decoder
        self.presets = presets
        self.body = parse(instructions)
        written = {item.rd for item in instructions if item.op.startswith("s")}
        # NumPy would take a negative index as one from the end: only loops' own registers never hold one.
        self._never_negative = frozenset(range(1, 32)) - written - set(presets)
        self._functions: dict[bool, tuple[Callable[..., Any], Source]] = {}

    def run(
        self,
        registers: dict[int, int],
        *,
        progress: Callable[[int], None] | None = None,
        max_instructions: int = MAX_INSTRUCTIONS,
    ) -> list[int]:
        """Execute the program once on what memory holds now.

        Args:
            registers: register -> value at the start, one for each preset.
            progress: called now and then with the number of instructions executed so far.
            max_instructions: see ``MAX_INSTRUCTIONS``.

        Returns: what each executed ``s.read`` read, in order: all that the program's control may depend on.

        Raises:
            SimulationError: naming the instruction and the address or value.
        """
        hooked = progress is not None
        if hooked not in self._functions:
            self._functions[hooked] = self._generate(hooked)
        function, source = self._functions[hooked]
        self.decoder.matrices.store.clear()
        trace: list[int] = []
        start = [registers[number] for number in self.presets]
        with np.errstate(all="ignore"):
            try:
                function(start, trace, max_instructions, _ticker(progress))
            except (IndexError, KeyError, ValueError, ZeroDivisionError, OverflowError) as error:
                raise source.blame(error, self.instructions, self.decoder.matrices) from None
            except SimulationError as error:
                raise source.locate(error, self.instructions) from None
        return trace

    def _generate(self, hooked: bool) -> tuple[Callable[..., Any], Source]:
        source = Source(hooked)
        source.names |= {
            "wrap": wrap,
            "read": read_element,
            "W": self.decoder.matrices.store,
            "Over": SimulationError,
            "int": int,
            "range": range,
        }
        if hooked:
            source.line("done = due = 0")
        for number in range(32):
            source.line(f"r{number} = 0")
        for place, number in enumerate(self.presets):
            source.line(f"r{number} = start[{place}]")
        self._emit_body(source, self.body)
        return source.compile("start, trace, budget, tick"), source

    def _emit_body(self, source: Source, body: Body) -> None:
        branches = bool(body.targets)
        if branches:
            source.line("skip = 0")
        guarded = False
        for item in body.items:
            start = start_of(item)
            jumps = not isinstance(item, int) or self.instructions[item].op in ("jmp", "beqz")
            if start in body.targets or (branches and guarded is False):
                if guarded:
                    source.indent -= 1
                source.line(f"if skip <= {start}:")
                source.indent += 1
                guarded = True
            source.pc = start
            if isinstance(item, Loop):
                self._emit_loop(source, item)
            else:
                self._emit(source, item, self.instructions[item])
            if branches and jumps and guarded:
                source.indent -= 1
                guarded = False
        if guarded:
            source.indent -= 1
        if not body.items:
            source.line("pass")

    def _emit_loop(self, source: Source, loop: Loop) -> None:
        instruction = self.instructions[loop.pc]
        limit = int(instruction.imm[0])
        count = str(limit)
        if instruction.ra:
            count = f"r{instruction.ra}"
            source.line(f"if not 0 <= {count} <= {limit}: raise Over('loop count %d' % {count})")
        length = self._length(loop)
        source.line(f"budget -= {count} * {length}")
        source.line("if budget < 0: raise Over('the program executes too many instructions')")
        source.line(f"for {f'r{instruction.rd}' if instruction.rd else '_'} in range({count}):")
        source.indent += 1
        if source.hooked:
            source.line(f"done += {length}")
            source.line("if done >= due: due = tick(done)")
        self._emit_body(source, loop.body)
        source.indent -= 1

    def _length(self, loop: Loop) -> int:
        """Instructions of one iteration; inner loops of unknown count pay for themselves when they start."""
        return 1 + sum(
            1
            if isinstance(item, int) or self.instructions[item.pc].ra
            else 1 + int(self.instructions[item.pc].imm[0]) * self._length(item)
            for item in loop.body.items
        )

    def _emit(self, source: Source, pc: int, instruction: Instruction) -> None:
        op = instruction.op
        if op == "s":
            source.assign(instruction.rd, scalar(instruction))
        elif op == "s.imm":
            source.assign(instruction.rd, str(int(instruction.imm[0])))
        elif op == "s.read":
            text = self._texts(source, pc, (self._element(pc, instruction),))
            source.line(f"value = read({text})")
            source.line("trace.append(value)")
            source.assign(instruction.rd, "value")
        elif op == "jmp":
            source.line(f"skip = {instruction.target}")
        elif op == "beqz":
            source.line(f"if not r{instruction.ra}: skip = {instruction.target}")
        elif op == "halt":
            source.line("return")
        elif op == "host":
            raise SimulationError(f"instruction {pc}: host call {instruction.imm[0]} is not known")
        elif any(extent.reg for extent in instruction.extents):
            self._emit_variable(source, pc, instruction)
        else:
            e0, e1, e2 = (extent.value for extent in instruction.extents)
            call = self._bind(pc, instruction, (e0, e1, e2))
            if call is not None:
                source.line(self._call(source, pc, call))

    def _element(self, pc: int, instruction: Instruction) -> Argument:
        try:
            return self.decoder.element(instruction)
        except SimulationError as error:
            raise SimulationError(f"instruction {pc} ({instruction.mnemonic}): {error}") from None

    def _bind(
        self, pc: int, instruction: Instruction, extents: tuple[int, int, int]
    ) -> Call | None:
        try:
            return self.decoder.bind(instruction, extents)
        except SimulationError as error:
            raise SimulationError(f"instruction {pc} ({instruction.mnemonic}): {error}") from None

    def _call(self, source: Source, pc: int, call: Call) -> str:
        return f"{source.name(f'f{pc}', call.function)}({self._texts(source, pc, call.arguments)})"

    def _texts(self, source: Source, pc: int, arguments: Sequence[object]) -> str:
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

    def _emit_variable(self, source: Source, pc: int, instruction: Instruction) -> None:
        """An instruction whose extents come from registers: bound on demand for each set of extents."""
        extents = ", ".join(
            f"{extent.value} * r{extent.reg}" if extent.reg else str(extent.value)
            for extent in instruction.extents
        )
        used = sorted({operand.index for operand in instruction.operands if operand.index})
        registers = ", ".join(f"r{number}" for number in used)
        bound: dict[tuple[int, int, int], Callable[..., object]] = {}

        def bind(extents: tuple[int, int, int]) -> Callable[..., object]:
            call = self._bind(pc, instruction, extents)
            part = Source(False)
            part.names["W"] = self.decoder.matrices.store
            part.line(self._call(part, pc, call) if call is not None else "pass")
            if len(bound) >= CACHED_EXTENTS:
                bound.clear()
            bound[extents] = part.compile(registers)
            return bound[extents]

        table, binder = source.name(f"e{pc}", bound.get), source.name(f"b{pc}", bind)
        source.line(f"key = ({extents})")
        source.line(f"({table}(key) or {binder}(key))({registers})")


def _ticker(progress: Callable[[int], None] | None) -> Callable[[int], int]:
    """Reports progress and answers at how many instructions to report next."""

    def tick(done: int) -> int:
        if progress is not None:
            progress(done)
        return done + PROGRESS_EVERY

    return tick


def _checked(argument: Argument) -> Callable[[int], np.ndarray]:
    """``array[value - low]`` that refuses what lies before the first entry."""
    array, low = argument.array, argument.low

    def at(value: int) -> np.ndarray:
        if value < low:
            raise IndexError(value)
        return array[value - low]

    return at
