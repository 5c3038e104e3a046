"""The text of a program's function: loops, branches, scalars, and a call (``CallText``) of each other instruction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnncc.errors import SimulationError
from rnncc.interpreter.kernels import read_element
from rnncc.isa.instruction import Instruction
from rnncc.isa.scalar import scalar, wrap
from rnncc.simulator.call_text import CallText
from rnncc.simulator.decode import Decoder
from rnncc.simulator.source import Source
from rnncc.simulator.structure import Body, Loop, start_of, walk
from rnncc.simulator.wide.forms import Stays
from rnncc.simulator.wide.plan import plan, text_of
from rnncc.simulator.wide.ranges import ranges


class Emitter:
    """Writes the function of a program.

    Args:
        instructions: the whole program.
        body: its loop tree.
        decoder: binds instructions to memory.
        presets: registers that hold a value when the program starts.
        only: the tensor instructions to execute; None for all.
        wide: execute loops of independent iterations at once; the values are the same.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        body: Body,
        decoder: Decoder,
        presets: Sequence[int],
        only: frozenset[int] | None = None,
        wide: bool = True,
    ):
        self.wide = wide
        self.instructions = instructions
        self.body = body
        self.decoder = decoder
        self.presets = presets
        self.only = only
        self.stays: dict[int, str] = {}
        """Loop -> why it is executed iteration by iteration."""
        written = {item.rd for item in instructions if item.op.startswith("s")}
        self._ranges = ranges(instructions, body)
        # Only loops' own registers are never negative.
        self.calls = CallText(decoder, frozenset(range(1, 32)) - written - set(presets))

    def function(self, hooked: bool) -> tuple[Callable[..., Any], Source]:
        """The function ``f(start, trace, budget, tick)``, and its text.

        Args:
            hooked: it calls ``tick`` now and then.

        Raises:
            SimulationError: an instruction leaves its memory wherever it is executed.
        """
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
        if not loop.body.leaves:
            _pay(source, f"{count} * {length}")
        if self.wide and self._emit_wide(source, loop, length):
            return
        source.line(f"for {f'r{instruction.rd}' if instruction.rd else '_'} in range({count}):")
        source.indent += 1
        if loop.body.leaves:
            _pay(source, str(length))
        if source.hooked:
            source.line(f"done += {length}")
            source.line("if done >= due: due = tick(done)")
        self._emit_body(source, loop.body)
        source.indent -= 1

    def _emit_wide(self, source: Source, loop: Loop, length: int) -> bool:
        """The loop as wide calls, if its iterations are independent."""
        if self.only is not None and not self.only.issuperset(
            pc for pc in walk(loop.body) if self.instructions[pc].operands
        ):
            self.stays[loop.pc] = "a part of its instructions"
            return False
        try:
            wide = plan(self.instructions, loop, self.decoder, self._ranges[loop.pc])
        except Stays as reason:
            self.stays[loop.pc] = str(reason)
            return False
        head = self.instructions[loop.pc]
        if source.hooked:
            source.line(f"done += {head.imm[0]} * {length}")
            source.line("if done >= due: due = tick(done)")
        if not wide.safe:
            # For messages: what registers hold in the first iteration.
            self._emit_scalars(source, loop, 0)
        source.pc = loop.pc
        for register, parts in wide.sums.items():
            source.line(f"r{register} = {text_of(parts)}")
        for number, (pc, call) in enumerate(wide.calls):
            source.pc = pc
            source.line(self.calls.text(source, pc, call, f"_{number}"))
        self._emit_scalars(source, loop, int(head.imm[0]) - 1)
        return True

    def _emit_scalars(self, source: Source, loop: Loop, turn: int) -> None:
        """Registers as an iteration leaves them."""
        head = self.instructions[loop.pc]
        if head.rd:
            source.line(f"r{head.rd} = {turn}")
        for pc in range(loop.body.first, loop.body.end):
            if self.instructions[pc].op in ("s", "s.imm"):
                source.pc = pc
                self._emit(source, pc, self.instructions[pc])

    def _length(self, loop: Loop) -> int:
        """Instructions of one iteration; inner loops of unknown count pay for themselves."""
        return 1 + sum(
            1
            if isinstance(item, int) or item.body.leaves or self.instructions[item.pc].ra
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
            text = self.calls.element(source, pc, instruction)
            source.line(f"value = read({text})")
            source.line("trace.append(value)")
            source.assign(instruction.rd, "value")
        elif op == "jmp":
            source.line(f"skip = {instruction.target}")
        elif op == "beqz":
            source.line(f"if not r{instruction.ra}: skip = {instruction.target}")
        elif op == "breakz":
            source.line(f"if not r{instruction.ra}: break")
        elif op == "halt":
            source.line("return")
        elif op == "host":
            raise SimulationError(f"instruction {pc}: host call {instruction.imm[0]} is not known")
        elif self.only is not None and pc not in self.only:
            source.line("pass")
        elif any(extent.reg for extent in instruction.extents):
            self.calls.bound_on_demand(source, pc, instruction)
        else:
            e0, e1, e2 = (extent.value for extent in instruction.extents)
            call = self.calls.bind(pc, instruction, (e0, e1, e2))
            if call is not None:
                source.line(self.calls.text(source, pc, call))


def _pay(source: Source, instructions: str) -> None:
    source.line(f"budget -= {instructions}")
    source.line("if budget < 0: raise Over('the program executes too many instructions')")
