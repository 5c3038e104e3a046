"""What registers may hold when a loop starts: intervals, from the loops around it and what is computed in them."""

from __future__ import annotations

from collections.abc import Sequence

from rnncc.isa.instruction import Instruction
from rnncc.simulator.structure import Body, Loop
from rnncc.simulator.vectors import written
from rnncc.simulator.wide.forms import LIMIT

Range = tuple[int, int]
Ranges = dict[int, Range]


def ranges(instructions: Sequence[Instruction], body: Body) -> dict[int, Ranges]:
    """For each loop (by its instruction) register -> least and largest value when it starts; unknown ones are missing.

    Registers that the loop itself writes are left out.
    """
    found: dict[int, Ranges] = {}
    _body(instructions, body, {0: (0, 0)}, found)
    return found


def _body(
    instructions: Sequence[Instruction], body: Body, now: Ranges, found: dict[int, Ranges]
) -> None:
    for item in body.items:
        if isinstance(item, Loop):
            changed = written(instructions, item)
            for register in changed:
                now.pop(register, None)
            found[item.pc] = dict(now)
            index, most = instructions[item.pc].rd, int(instructions[item.pc].imm[0])
            inner = dict(now)
            if index and most < LIMIT:
                inner[index] = (0, max(0, most - 1))
            _body(instructions, item.body, inner, found)
            continue
        instruction = instructions[item]
        if instruction.op in ("s", "s.imm", "s.read") and instruction.rd:
            known = None if body.targets else _value(instruction, now)
            # What a branch may skip is not known behind it.
            now.pop(instruction.rd, None)
            if known is not None:
                now[instruction.rd] = known


def _value(instruction: Instruction, now: Ranges) -> Range | None:
    if instruction.op == "s.read":
        return None
    if instruction.op == "s.imm":
        return _small(_exactly(instruction))
    a = now.get(instruction.ra)
    b = _exactly(instruction) if instruction.imm else now.get(instruction.rb)
    kind = instruction.kind
    if kind == "mod" and b is not None and b[0] > 0:
        return a if a is not None and 0 <= a[0] <= a[1] < b[0] else (0, b[1] - 1)
    if a is None or b is None:
        return None
    if kind == "add":
        return _small((a[0] + b[0], a[1] + b[1]))
    if kind == "sub":
        return _small((a[0] - b[1], a[1] - b[0]))
    if kind == "mul":
        corners = [x * y for x in a for y in b]
        return _small((min(corners), max(corners)))
    if kind == "div" and b[0] == b[1] > 0:
        return _small((a[0] // b[0], a[1] // b[0]))
    if kind in ("min", "max"):
        pick = min if kind == "min" else max
        return _small((pick(a[0], b[0]), pick(a[1], b[1])))
    return None


def _exactly(instruction: Instruction) -> Range:
    value = int(instruction.imm[0])
    return value, value


def _small(found: Range) -> Range | None:
    return found if -LIMIT < found[0] <= found[1] < LIMIT else None


def of_terms(terms: tuple[tuple[int, int], ...], now: Ranges) -> Range | None:
    """Least and largest ``sum(factor * R[register])``; None when unknown."""
    low = high = 0
    for register, factor in terms:
        if register not in now:
            return None
        ends = [factor * end for end in now[register]]
        low, high = low + min(ends), high + max(ends)
    return _small((low, high))
