"""What scalar registers hold in each iteration of a loop: outer registers times constants, plus a known number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncc.isa.instruction import Instruction
from rnncc.simulator.structure import Loop

MAX_COUNT = 1 << 16
"""Iterations up to which a loop is looked at."""
LIMIT = 1 << 60
"""Magnitude from which numbers are not followed: registers wrap around at 2**63."""


class Stays(Exception):
    """The loop has to be executed iteration by iteration; the argument says why."""


@dataclass(frozen=True)
class Form:
    """``sum(factor * R[register] for register, factor in terms) + numbers[iteration]``."""

    terms: tuple[tuple[int, int], ...]
    numbers: np.ndarray

    @property
    def known(self) -> bool:
        """Whether no outer register takes part."""
        return not self.terms

    def times(self, factor: int) -> Form:
        """Every part multiplied."""
        bounded(factor * int(np.abs(self.numbers).max()))
        terms = tuple((r, bounded(f * factor)) for r, f in self.terms) if factor else ()
        return Form(terms, self.numbers * factor)

    def plus(self, other: Form) -> Form:
        """The sum."""
        terms = dict(self.terms)
        for register, factor in other.terms:
            terms[register] = bounded(terms.get(register, 0) + factor)
        numbers = self.numbers + other.numbers
        bounded(int(np.abs(numbers).max()))
        return Form(tuple(sorted((r, f) for r, f in terms.items() if f)), numbers)


def bounded(value: int) -> int:
    """The value, unless it is too large to follow.

    Raises:
        Stays: it is.
    """
    if abs(value) >= LIMIT:
        raise Stays("registers hold large numbers")
    return value


class Forms:
    """The registers of one iteration, instruction by instruction.

    Args:
        instructions: the program.
        loop: a loop without loops or branches inside.
        count: its iterations.

    Raises:
        Stays: a register is carried from one iteration to the next, or is no such sum.
    """

    def __init__(self, instructions: Sequence[Instruction], loop: Loop, count: int):
        self.count = count
        index = instructions[loop.pc].rd
        body = [instructions[pc] for pc in range(loop.body.first, loop.body.end)]
        self._later = {item.rd for item in body if item.op in ("s", "s.imm")} - {0}
        if index in self._later:
            raise Stays("the body writes the index")
        self._now = {0: self.number(0)}
        if index:
            self._now[index] = Form((), np.arange(count, dtype=np.int64))

    def number(self, value: int) -> Form:
        """The same number in every iteration."""
        return Form((), np.full(self.count, bounded(value), np.int64))

    def read(self, register: int) -> Form:
        """What a register holds at this place of the body."""
        if register in self._now:
            return self._now[register]
        if register in self._later:
            raise Stays(f"r{register} is carried from one iteration to the next")
        return Form(((register, 1),), self.number(0).numbers)

    def execute(self, instruction: Instruction) -> None:
        """Follow an ``s.imm`` or ``s.<kind>``."""
        if instruction.op == "s.imm":
            form = self.number(int(instruction.imm[0]))
        else:
            a = self.read(instruction.ra)
            b = (
                self.number(int(instruction.imm[0]))
                if instruction.imm
                else self.read(instruction.rb)
            )
            form = self._scalar(instruction.kind, a, b)
        if instruction.rd:
            self._now[instruction.rd] = form

    def _scalar(self, kind: str, a: Form, b: Form) -> Form:
        if kind == "add":
            return a.plus(b)
        if kind == "sub":
            return a.plus(b.times(-1))
        if kind == "mul":
            for one, other in ((a, b), (b, a)):
                if other.known and (other.numbers == other.numbers[0]).all():
                    return one.times(int(other.numbers[0]))
        if not (a.known and b.known):
            raise Stays(f"s.{kind} of an outer register")
        if kind == "mul":
            bounded(int(np.abs(a.numbers).max()) * int(np.abs(b.numbers).max()))
            return Form((), a.numbers * b.numbers)
        if kind in ("div", "mod") and b.numbers.all():
            return Form(
                (), (np.floor_divide if kind == "div" else np.remainder)(a.numbers, b.numbers)
            )
        if kind in ("min", "max"):
            return Form((), (np.minimum if kind == "min" else np.maximum)(a.numbers, b.numbers))
        raise Stays(f"s.{kind}")
