"""All iterations of a loop at once: what its registers hold, as one array each.

The scalar instructions of a compiled loop compute addresses from the loops' own indices. Instead of walking every
iteration, each is evaluated once over arrays with an axis for every loop: the last axis is the iteration of the loop
looked at, axes before it those of the loops inside, the innermost first. Values that do not depend on a loop have
one entry along its axis. Loops that branch, read data or carry a register from one iteration to the next are left
to the walker, and so is everything that it would refuse.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnncc.isa.instruction import Instruction
from rnncc.simulator.runs import Iterations
from rnncc.simulator.structure import Body, Loop, start_of, walk

MAX_ENTRIES = 1 << 20
"""Entries of an array; loops that need more are left to the walker."""

_LIMIT = 1 << 62
_LOWEST = -(1 << 63)


class Unfit(Exception):
    """The loop needs the walker."""


class Vectors:
    """Evaluates the iterations of one loop.

    Args:
        instructions: the program.
        registers: their values before the loop.
        loop: the loop.
        count: its iterations.

    Attributes:
        iterations: what decides and what moves.
        values: register -> values at the end of each iteration, where known.

    Raises:
        Unfit: see above.
    """

    def __init__(
        self, instructions: Sequence[Instruction], registers: Sequence[int], loop: Loop, count: int
    ):
        if count > MAX_ENTRIES:
            raise Unfit
        self.instructions = instructions
        self.iterations = Iterations(count, [], [])
        try:
            self.values = {
                number: np.array([value], np.int64) for number, value in enumerate(registers)
            }
        except OverflowError:
            raise Unfit from None
        self._enter(loop, np.arange(count), 0)

    def _enter(self, loop: Loop, index: np.ndarray, depth: int) -> None:
        for number in written(self.instructions, loop):
            # What an iteration reads before it writes it would come from the iteration before: unknown here.
            self.values.pop(number, None)
        rd = self.instructions[loop.pc].rd
        if rd:
            self.values[rd] = index
        self._body(loop.body, depth)

    def _body(self, body: Body, depth: int) -> None:
        for item in body.items:
            instruction = self.instructions[start_of(item)]
            op = instruction.op
            if isinstance(item, Loop):
                self._loop(item, depth + 1)
            elif op == "s":
                self._set(instruction.rd, self._scalar(instruction))
            elif op == "s.imm":
                self._set(instruction.rd, _constant(instruction))
            elif op in ("s.read", "jmp", "beqz", "breakz", "halt"):
                raise Unfit
            else:
                self._tensor(item, instruction)

    def _loop(self, loop: Loop, depth: int) -> None:
        instruction = self.instructions[loop.pc]
        count = int(instruction.imm[0])
        if instruction.ra:
            given = self._read(instruction.ra)
            if given.size != 1 or not 0 <= given.item() <= count:
                raise Unfit
            count = given.item()
        if not count:
            return
        if count > MAX_ENTRIES:
            raise Unfit
        changed = written(self.instructions, loop)
        before = {number: self.values[number] for number in changed if number in self.values}
        self._enter(loop, np.arange(count).reshape(count, *[1] * depth), depth)
        for number in changed:
            if number not in self.values:
                if number in before:
                    self.values[number] = before[number]
            elif self.values[number].ndim > depth:
                self.values[number] = self.values[number][-1]

    def _read(self, register: int) -> np.ndarray:
        values = self.values.get(register)
        if values is None:
            raise Unfit
        return values

    def _set(self, register: int, values: np.ndarray) -> None:
        if register:
            self.values[register] = values

    def _scalar(self, instruction: Instruction) -> np.ndarray:
        a = self._read(instruction.ra)
        b = _constant(instruction) if instruction.imm else self._read(instruction.rb)
        if np.broadcast(a, b).size > MAX_ENTRIES:
            raise Unfit
        kind = instruction.kind
        if kind in ("div", "ceildiv", "mod") and (not b.all() or int(a.min()) == _LOWEST):
            raise Unfit
        if kind == "ceildiv":
            return -(-a // b)
        # Additions, subtractions and products wrap around as the registers do.
        return _UFUNCS[kind](a, b).astype(np.int64, copy=False)

    def _tensor(self, pc: int, instruction: Instruction) -> None:
        for extent in instruction.extents:
            if extent.reg:
                values = self._read(extent.reg)
                if extent.value * _bound(values) >= _LIMIT or values.min() * extent.value < 0:
                    raise Unfit
                if values.shape[-1] > 1:
                    self.iterations.deciding.append(values)
        for place, operand in enumerate(instruction.operands):
            if operand.index and operand.index_stride:
                values = self._read(operand.index)
                if _bound(values) * abs(operand.index_stride) + abs(operand.base) >= _LIMIT:
                    raise Unfit
                if values.shape[-1] > 1:
                    self.iterations.moving.append(((pc, place), operand.index_stride, values))


_UFUNCS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.floor_divide,
    "mod": np.remainder,
    "min": np.minimum,
    "max": np.maximum,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


def _constant(instruction: Instruction) -> np.ndarray:
    try:
        return np.array([int(instruction.imm[0])], np.int64)
    except OverflowError:
        raise Unfit from None


def _bound(values: np.ndarray) -> int:
    return max(abs(int(values.min())), abs(int(values.max())))


def written(instructions: Sequence[Instruction], loop: Loop) -> set[int]:
    """Registers that an iteration of a loop may write, its own index among them."""
    found = {instructions[loop.pc].rd}
    for pc in walk(loop.body):
        item = instructions[pc]
        if item.op in ("loop", "s", "s.imm", "s.read"):
            found.add(item.rd)
    return found - {0}
