"""Which vector instructions of a ``chain`` engine are in different passes, because a pass has only so many units.

Passes follow one another in the order of dispatch, and what an instruction depends on was dispatched before it. So
whatever depends on one instruction and leads to another lies in a pass between theirs; if both are in one pass, all of
that is in it, too, on equally many elements and each in a unit of its class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rnncc.cost.vector import IN_UNITS
from rnncc.simulator.rules import VECTOR, Rules
from rnncc.simulator.shape import Timed


def needed(ops: Sequence[Timed], into: Sequence[Sequence[tuple[int, int]]]) -> list[int]:
    """Of each instruction, the vector instructions that it depends on, one bit each.

    Args:
        ops: the instructions; event 2 i is the start of instruction i, 2 i + 1 its end.
        into: of each event, (event before, cycles) pairs.
    """
    found = [0] * len(ops)
    for event, arcs in enumerate(into):
        number = event // 2
        for before, _ in arcs:
            other = before // 2
            if other != number:
                found[number] |= found[other] | (ops[other].engine == VECTOR) << other
    return found


def apart(rules: Rules, ops: Sequence[Timed], needed: Sequence[int]) -> tuple[list[int], list[int]]:
    """Of each instruction, the vector instructions before it on as many elements, and those of an earlier pass.

    Args:
        rules: of a machine with a ``chain`` engine.
        ops: the instructions.
        needed: of each, the vector instructions that it depends on, one bit each.
    """
    alike: dict[int, int] = defaultdict(int)
    units: dict[str, int] = defaultdict(int)
    leads = [0] * len(ops)
    """Vector instructions that depend on each, up to the one looked at, one bit each."""
    before, found = [0] * len(ops), [0] * len(ops)
    for number, timed in enumerate(ops):
        if timed.engine != VECTOR:
            continue
        elements = timed.work.elements
        before[number] = alike[elements]
        alike[elements] |= 1 << number
        units[timed.function] |= 1 << number
        rest = needed[number]
        while rest:
            other = rest.bit_length() - 1
            rest ^= 1 << other
            leads[other] |= 1 << number
            between = needed[number] & leads[other] | 1 << other | 1 << number
            if between & ~alike[elements] or any(
                (between & mask).bit_count() > (rules.machine.vector.units * (name in IN_UNITS))
                for name, mask in units.items()
            ):
                found[number] |= 1 << other | needed[other]
    return before, found
