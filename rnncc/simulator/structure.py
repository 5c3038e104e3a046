"""The nesting of a program: which instructions are whose loop body, and where branches may land."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction

MAX_DEPTH = 16
"""Loops inside loops; a program nested deeper is refused."""


@dataclass
class Body:
    """A run of instructions without the inside of its loops.

    Attributes:
        items: instruction index, or a ``Loop``, in program order.
        first: index of the first instruction.
        end: index after the last one (for a loop body: of its ``endloop``).
        targets: where branches of this body land, at most ``end``.
        leaves: True when a ``breakz`` of this body may end its loop early.
    """

    items: list[int | Loop] = field(default_factory=list)
    first: int = 0
    end: int = 0
    targets: frozenset[int] = frozenset()
    leaves: bool = False


@dataclass
class Loop:
    """A ``loop`` instruction and its body; ``pc`` is the loop's own index."""

    pc: int
    body: Body


def start_of(item: int | Loop) -> int:
    """Index of the first instruction of an item."""
    return item if isinstance(item, int) else item.pc


def walk(body: Body) -> Iterator[int]:
    """Every instruction index of a body, loops and their insides included, in program order."""
    for item in body.items:
        if isinstance(item, int):
            yield item
        else:
            yield item.pc
            yield from walk(item.body)


def split(body: Body, first: int) -> tuple[Body, Body]:
    """The body's items before instruction ``first``, and from there on; no loop or branch crosses it."""
    before = [item for item in body.items if start_of(item) < first]
    after = body.items[len(before) :]
    return Body(before, body.first, first, frozenset()), Body(after, first, body.end, body.targets)


def parse(instructions: Sequence[Instruction]) -> Body:
    """The loop tree of a program.

    Raises:
        SimulationError: a loop does not end where it says, is nested too deep, or a branch goes backwards or
            leaves its loop body. A program that ``rnncc.program.load`` accepted has none of these.
    """
    return _body(instructions, 0, len(instructions), 0)


def _body(instructions: Sequence[Instruction], first: int, end: int, depth: int) -> Body:
    if depth > MAX_DEPTH:
        raise SimulationError(f"instruction {first - 1}: loops are nested deeper than {MAX_DEPTH}")
    body = Body(first=first, end=end)
    branches: list[tuple[int, int]] = []
    pc = first
    while pc < end:
        instruction = instructions[pc]
        if instruction.op == "loop":
            stop = instruction.target
            if not pc < stop < end or instructions[stop].op != "endloop":
                raise SimulationError(f"instruction {pc}: loop does not end at {stop}")
            body.items.append(Loop(pc, _body(instructions, pc + 1, stop, depth + 1)))
            pc = stop + 1
            continue
        if instruction.op == "endloop":
            raise SimulationError(f"instruction {pc}: endloop without its loop")
        if instruction.op in ("jmp", "beqz"):
            branches.append((instruction.target, pc))
        elif instruction.op == "breakz":
            if not depth:
                raise SimulationError(f"instruction {pc}: breakz outside a loop")
            body.leaves = True
        body.items.append(pc)
        pc += 1
    reachable = {start_of(item) for item in body.items} | {end}
    for target, source in branches:
        if target not in reachable or target <= source:
            raise SimulationError(
                f"instruction {source}: branch to {target} goes back or leaves its loop body"
            )
    body.targets = frozenset(target for target, _ in branches)
    return body
