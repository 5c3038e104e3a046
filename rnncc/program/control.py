"""The check of loops and branches, and where each instruction stands among them."""

from __future__ import annotations

from dataclasses import dataclass

from rnncc.errors import ProgramError
from rnncc.isa.instruction import Instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.program.container import Program

MAX_INSTRUCTIONS = 10**10
"""Most instructions that a program may execute, by its loop counts; a run of hours. More is taken for hostile."""


@dataclass(frozen=True)
class Nest:
    """Where an instruction stands.

    Attributes:
        loops: indices of the loop instructions around it, outermost first. An ``endloop`` is inside its loop.
        conditional: True when a branch may skip it within its loop body, or a ``breakz`` may end a loop around it
            early.
    """

    loops: tuple[int, ...]
    conditional: bool


def loop_limit(loop: Instruction) -> int:
    """The greatest index count that a loop instruction may have."""
    return int(loop.imm[0])


def check_control(program: Program) -> list[Nest]:
    """Check loops, branches, host calls and the end.

    Returns:
        The ``Nest`` of each instruction.

    Raises:
        ProgramError: a loop is not closed or runs absurdly often, a branch goes backward or crosses a loop, a loop
            index is overwritten, a host call is unknown, or ``halt`` is missing or misplaced.
    """
    instructions = program.instructions
    if not instructions or instructions[-1].op != "halt":
        raise ProgramError("the last instruction is not halt")
    nests = _nesting(instructions)
    for number, instruction in enumerate(instructions):
        where = f"instruction {number}: {instruction.mnemonic}"
        if instruction.op == "halt" and number != len(instructions) - 1:
            raise ProgramError(f"{where}: only the last instruction may halt")
        if instruction.op in ("jmp", "beqz"):
            _check_branch(instruction.target, number, nests, where)
        if instruction.op == "breakz" and not nests[number]:
            raise ProgramError(f"{where}: there is no loop to leave")
        if instruction.op == "host" and not 0 <= instruction.imm[0] < len(program.hosts):
            raise ProgramError(
                f"{where}: call {instruction.imm[0]} is not among {len(program.hosts)} host functions"
            )
        if "rd" in INSTRUCTIONS[instruction.op].registers and instruction.rd:
            for loop in nests[number]:
                if instructions[loop].rd == instruction.rd:
                    raise ProgramError(
                        f"{where}: writes r{instruction.rd}, the index of the loop at {loop}"
                    )
    _check_work(instructions, nests)
    return _conditions(instructions, nests)


def _nesting(instructions: tuple[Instruction, ...]) -> list[tuple[int, ...]]:
    """The loops around each instruction."""
    nests: list[tuple[int, ...]] = []
    stack: list[int] = []
    for number, instruction in enumerate(instructions):
        nests.append(tuple(stack))
        if instruction.op == "loop":
            if instruction.rd == 0:
                raise ProgramError(f"instruction {number}: loop: r0 cannot hold the index")
            if instruction.imm[0] < 0:
                raise ProgramError(
                    f"instruction {number}: loop: negative count {instruction.imm[0]}"
                )
            if not number < instruction.target < len(instructions):
                raise ProgramError(
                    f"instruction {number}: loop: ends at {instruction.target}, outside the program"
                )
            stack.append(number)
        elif instruction.op == "endloop":
            if not stack:
                raise ProgramError(f"instruction {number}: endloop without a loop")
            loop = stack.pop()
            if instructions[loop].target != number:
                raise ProgramError(
                    f"instruction {loop}: loop: says that it ends at {instructions[loop].target}, "
                    f"but its endloop is at {number}"
                )
    if stack:
        raise ProgramError(f"instruction {stack[-1]}: loop: never ends")
    return nests


def _check_branch(target: int, number: int, nests: list[tuple[int, ...]], where: str) -> None:
    if target <= number:
        raise ProgramError(f"{where}: goes backward to {target}; only loops repeat")
    if target >= len(nests):
        raise ProgramError(
            f"{where}: goes to {target}, beyond the last instruction {len(nests) - 1}"
        )
    if nests[target] != nests[number]:
        raise ProgramError(f"{where}: goes to {target}, into or out of a loop")


def _check_work(instructions: tuple[Instruction, ...], nests: list[tuple[int, ...]]) -> None:
    """Refuse programs whose loop counts multiply to an absurd number of instructions."""
    total = 0
    for number, instruction in enumerate(instructions):
        times = 1
        for loop in nests[number]:
            times *= loop_limit(instructions[loop])
        total += times
        if total > MAX_INSTRUCTIONS:
            raise ProgramError(
                f"instruction {number}: {instruction.mnemonic}: the loops around it run the program beyond "
                f"{MAX_INSTRUCTIONS} instructions"
            )


def _conditions(instructions: tuple[Instruction, ...], nests: list[tuple[int, ...]]) -> list[Nest]:
    """Mark what a branch may skip: everything up to the farthest target of the branches before it.

    So may be all of a loop that can be left: its later iterations are not sure to come.
    """
    left = {nests[n][-1] for n, item in enumerate(instructions) if item.op == "breakz"}
    result, farthest = [], 0
    for number, instruction in enumerate(instructions):
        early = not left.isdisjoint(nests[number])
        result.append(Nest(nests[number], early or number < farthest))
        if instruction.op in ("jmp", "beqz"):
            farthest = max(farthest, instruction.target)
    return result
