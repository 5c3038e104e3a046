"""The control of a program: registers, branches and loops, and the instructions that come out of them.

The walker executes what the dispatcher executes and hands every engine instruction, with its actual extents and
addresses, to a sink: the clockwork, or a recorder that only wants to know what a loop will do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.isa.scalar import scalar, wrap
from rnncc.simulator.footprint import Extents
from rnncc.simulator.structure import Body, Loop, start_of

Addresses = tuple[int, ...]

TENSOR, LOOP, SCALAR, IMMEDIATE, READ, JUMP, BRANCH, LEAVE, HALT = range(9)
_FORM = {
    "loop": LOOP,
    "s": SCALAR,
    "s.imm": IMMEDIATE,
    "s.read": READ,
    "jmp": JUMP,
    "beqz": BRANCH,
    "breakz": LEAVE,
    "halt": HALT,
}


class Sink(Protocol):
    """What a walker reports to."""

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """An engine's instruction with its actual bounds and the byte address of each operand."""
        ...

    def step(self, op: str) -> None:
        """A control instruction."""
        ...

    def read(self, pc: int, address: int) -> None:
        """An ``s.read`` of an address, before its ``step``."""
        ...


class Halt(Exception):
    """The program's end."""


class Leave(Exception):
    """The innermost loop's end, by a ``breakz``."""


class Walker:
    """Walks a program once.

    Args:
        instructions: the program.
        registers: register -> value at the start.
        trace: what each ``s.read`` reads, in order.
        budget: instructions before the program counts as endless.

    Attributes:
        registers: 32 values, now.
        reads: how many ``s.read`` were executed.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        registers: dict[int, int],
        trace: Sequence[int],
        budget: int,
    ):
        self.instructions = instructions
        self.registers = [registers.get(number, 0) for number in range(32)]
        self.trace = trace
        self.reads = 0
        self.budget = budget
        self.on_loop: Callable[[Walker, Loop, int, Sink], None] | None = None
        self.plain: dict[int, dict[tuple[int, int], int] | None] = {}
        """What ``movement`` found out about each loop's text."""
        self._forms = [_FORM.get(item.op, TENSOR) for item in instructions]
        self._operands = [
            tuple((o.base, o.index, o.index_stride) for o in item.operands) for item in instructions
        ]
        self._fixed = [_fixed(item) for item in instructions]
        self._scalars: dict[int, Callable[[list[int]], int]] = {}

    def body(self, body: Body, sink: Sink) -> None:
        """Walk a body once.

        Raises:
            Halt: the program ended.
            Leave: a ``breakz`` of this body ends its loop.
            SimulationError: the program divides by zero, its loop count is out of range, or it is endless.
        """
        skip = 0
        forms = self._forms
        for item in body.items:
            pc = start_of(item)
            if pc < skip:
                continue
            form = forms[pc]
            if form == TENSOR:
                sink.tensor(pc, self._fixed[pc] or self._extents(pc), self.addresses(pc))
            elif isinstance(item, Loop):
                self._loop(item, sink)
            else:
                skip = self._control(pc, form, sink)

    def addresses(self, pc: int) -> Addresses:
        """Byte addresses of an instruction's operands now."""
        registers = self.registers
        return tuple(
            [
                base + registers[index] * step if index else base
                for base, index, step in self._operands[pc]
            ]
        )

    def iterate(self, loop: Loop, index: int, sink: Sink) -> bool:
        """Walk one iteration of a loop; False when a ``breakz`` left the loop."""
        rd = self.instructions[loop.pc].rd
        if rd:
            self.registers[rd] = index
        self.budget -= 1 + len(loop.body.items)
        if self.budget < 0:
            raise SimulationError(
                f"instruction {loop.pc}: the program executes too many instructions"
            )
        try:
            self.body(loop.body, sink)
        except Leave:
            return False
        sink.step("endloop")
        return True

    def _loop(self, loop: Loop, sink: Sink) -> None:
        instruction = self.instructions[loop.pc]
        count = int(instruction.imm[0])
        if instruction.ra:
            given = self.registers[instruction.ra]
            if not 0 <= given <= count:
                raise SimulationError(f"instruction {loop.pc} (loop): loop count {given}")
            count = given
        sink.step("loop")
        if self.on_loop is not None:
            self.on_loop(self, loop, count, sink)
            return
        for index in range(count):
            if not self.iterate(loop, index, sink):
                return

    def _extents(self, pc: int) -> Extents:
        registers = self.registers
        e0, e1, e2 = (
            extent.value * registers[extent.reg] if extent.reg else extent.value
            for extent in self.instructions[pc].extents
        )
        if e0 < 0 or e1 < 0 or e2 < 0:
            raise SimulationError(f"instruction {pc}: negative extent {min(e0, e1, e2)}")
        return (e0, e1, e2)

    def _control(self, pc: int, form: int, sink: Sink) -> int:
        """Execute a control instruction; returns the instruction to skip to, 0 for the next."""
        instruction = self.instructions[pc]
        skip, value = 0, None
        if form == SCALAR:
            value = self._scalar(pc, instruction)
        elif form == IMMEDIATE:
            value = int(instruction.imm[0])
        elif form == READ:
            sink.read(pc, self.addresses(pc)[0])
            value = self.trace[self.reads] if self.reads < len(self.trace) else 0
            self.reads += 1
        elif form == JUMP or (form == BRANCH and not self.registers[instruction.ra]):
            skip = instruction.target
        sink.step(instruction.op)
        if form == HALT:
            raise Halt
        if form == LEAVE and not self.registers[instruction.ra]:
            raise Leave
        if value is not None and instruction.rd:
            self.registers[instruction.rd] = value
        return skip

    def _scalar(self, pc: int, instruction: Instruction) -> int:
        function = self._scalars.get(pc)
        if function is None:
            text = scalar(instruction)
            for number in sorted({instruction.ra, instruction.rb}, reverse=True):
                text = text.replace(f"r{number}", f"r[{number}]")
            names = {"__builtins__": {}, "wrap": wrap, "int": int}
            function = self._scalars[pc] = eval(f"lambda r: {text}", names)
        try:
            return function(self.registers)
        except ZeroDivisionError:
            raise SimulationError(
                f"instruction {pc} ({instruction.mnemonic}): division by zero"
            ) from None


def _fixed(instruction: Instruction) -> Extents | None:
    if any(extent.reg for extent in instruction.extents):
        return None
    e0, e1, e2 = (extent.value for extent in instruction.extents)
    return (e0, e1, e2)
