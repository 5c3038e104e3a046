"""Between which values a register is where an instruction uses it, as far as the program's text says."""

from __future__ import annotations

from collections.abc import Sequence

from rnncc.isa.table import INSTRUCTIONS
from rnncc.program import Program
from rnncc.program.control import loop_limit

Range = tuple[int, int]
"""Least and greatest value."""


class RegisterRanges:
    """Ranges of one program's registers.

    Args:
        program: validated.
        nests: for each instruction the loops around it, outermost first.
    """

    def __init__(self, program: Program, nests: Sequence[tuple[int, ...]]):
        self.instructions = program.instructions
        self.nests = nests
        self.presets = {s.register: (0, s.maximum) for s in program.symbols.values()}
        self.writers: dict[int, list[int]] = {}
        self.jumps: list[Range] = []
        for number, item in enumerate(self.instructions):
            if "rd" in INSTRUCTIONS[item.op].registers and item.rd:
                self.writers.setdefault(item.rd, []).append(number)
            if item.op in ("jmp", "beqz"):
                self.jumps.append((number, item.target))
        self._known: dict[int, Range | None] = {}

    def of(self, number: int, register: int) -> Range | None:
        """The range at instruction `number`; None when it is not known in advance."""
        if register == 0:
            return 0, 0
        writers = self.writers.get(register, [])
        if not writers:
            return self.presets.get(register)
        before = [w for w in writers if w < number]
        if not before or not self._certain(before[-1], number, writers):
            return None
        return self._written(before[-1])

    def _certain(self, writer: int, user: int, writers: Sequence[int]) -> bool:
        """Whether the user always sees what this writer wrote last."""
        around = self._inside(writer)
        if not around <= self._inside(user):
            return False
        if any(jump < writer < target <= user for jump, target in self.jumps):
            return False
        later = (w for w in writers if w > user)
        # A later writer comes before the user again in a loop around both, unless the first one does too.
        return all(self._inside(w) & self._inside(user) <= around for w in later)

    def _inside(self, number: int) -> set[int]:
        own = {number} if self.instructions[number].op == "loop" else set()
        return {*self.nests[number], *own}

    def _written(self, number: int) -> Range | None:
        if number not in self._known:
            self._known[number] = None  # a loop of definitions is not known
            self._known[number] = self._compute(number)
        return self._known[number]

    def _compute(self, number: int) -> Range | None:
        item = self.instructions[number]
        if item.op == "loop":
            return 0, max(0, loop_limit(item) - 1)
        if item.op == "s.imm":
            return int(item.imm[0]), int(item.imm[0])
        if item.op != "s":
            return None
        a = self.of(number, item.ra)
        b = self.of(number, item.rb) if item.rb else (int(item.imm[0]), int(item.imm[0]))
        return _apply(item.kind, a, b)


def _apply(kind: str, a: Range | None, b: Range | None) -> Range | None:
    if a is None or b is None:
        return None
    if kind == "sub":
        return a[0] - b[1], a[1] - b[0]
    if kind in ("lt", "le", "eq", "ne"):
        return 0, 1
    if kind == "div" and b[0] == b[1] > 0:
        return a[0] // b[0], a[1] // b[0]
    if kind == "mod" and b[0] == b[1] > 0:
        return 0, b[0] - 1
    corners = {
        "add": lambda x, y: x + y,
        "mul": lambda x, y: x * y,
        "min": min,
        "max": max,
    }
    if kind not in corners:
        return None
    values = [corners[kind](x, y) for x in a for y in b]
    return min(values), max(values)
