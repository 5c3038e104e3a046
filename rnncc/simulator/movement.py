"""How a loop's instructions change from iteration to iteration.

``movement`` finds iterations that do the same things, with every address moving by a constant: from the registers
that the body uses (the usual loop, where only the loop's own index moves addresses), by evaluating the registers of
all iterations at once, or, where the loop branches or carries registers along, by walking it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnncc.isa.instruction import Instruction
from rnncc.simulator.runs import Movement, Site
from rnncc.simulator.structure import Loop, walk
from rnncc.simulator.together import by_vectors
from rnncc.simulator.vectors import Unfit
from rnncc.simulator.walker import Walker
from rnncc.simulator.walking import by_walking


def movement(walker: Walker, loop: Loop, count: int) -> Movement | None:
    """The regular iterations of a loop that is about to start, or None when there are too few to gain from.

    Args:
        walker: standing at the loop; left as it was.
        loop: the loop.
        count: its iterations.
    """
    if loop.pc not in walker.plain:
        walker.plain[loop.pc] = _by_registers(walker.instructions, loop)
    plain = walker.plain[loop.pc]
    if plain is not None:
        return Movement(1, 0, count, plain)
    try:
        return by_vectors(walker, loop, count)
    except Unfit:
        return by_walking(walker, loop, count)


def _by_registers(instructions: Sequence[Instruction], loop: Loop) -> dict[Site, int] | None:
    """Steps of each site when nothing but addresses depends on the iteration; None when more does."""
    index = instructions[loop.pc].rd
    step: dict[Site, int] = {}
    inner: set[int] = set()
    pcs = list(walk(loop.body))
    for pc in pcs:
        item = instructions[pc]
        if item.op == "loop":
            inner.add(item.rd)
        elif item.op.startswith("s") and item.op != "select":
            return None
    for pc in pcs:
        item = instructions[pc]
        deciding = {extent.reg for extent in item.extents} | {item.ra}
        if (deciding - {0}) & (inner | {index}) or item.op in ("beqz", "jmp", "breakz"):
            return None
        for place, operand in enumerate(item.operands):
            if operand.index and operand.index == index:
                step[pc, place] = operand.index_stride
    # An inner loop's register holds its last index afterwards: only its own body may use it.
    if index in inner or not _own(instructions, loop, frozenset(inner)):
        return None
    return step


def _own(instructions: Sequence[Instruction], loop: Loop, foreign: frozenset[int]) -> bool:
    """Whether every inner loop's register is used inside that loop only."""
    for item in loop.body.items:
        if isinstance(item, Loop):
            if not _own(instructions, item, foreign - {instructions[item.pc].rd}):
                return False
        elif any(operand.index in foreign - {0} for operand in instructions[item].operands):
            return False
    return True
