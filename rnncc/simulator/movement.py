"""How a loop's instructions change from iteration to iteration.

``movement`` finds iterations that do the same things, with every address moving by a constant: either from the
registers that the body uses (the usual loop, where only the loop's own index moves addresses), or by walking the
loop's control, without the clock, through all its iterations and comparing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rnncc.isa.instruction import Instruction
from rnncc.simulator.footprint import Extents
from rnncc.simulator.structure import Loop, walk
from rnncc.simulator.walker import Addresses, Walker

MAX_PERIOD = 8
"""Iterations after which a loop's control must repeat to count as regular."""

MAX_RECORDED = 2_000_000
"""Instructions a loop's control may amount to for its iterations to be compared."""

Site = tuple[int, int]
"""(instruction, operand number)."""


@dataclass
class Movement:
    """Iterations ``start`` to ``end`` - 1 repeat every ``period``, the addresses of a site moving ``step`` bytes.

    Attributes:
        period: iterations.
        start, end: the range of regular iterations.
        step: site -> bytes a period; a site that is not in it does not move.
        states: with a walked loop, registers and ``s.read`` position before each iteration and after the last.
    """

    period: int
    start: int
    end: int
    step: dict[Site, int]
    states: list[tuple[list[int], int]] = field(default_factory=list)


class Recorder:
    """A sink that keeps what one iteration does."""

    def __init__(self) -> None:
        self.signature: list[object] = []
        self.addresses: list[int] = []
        self.sites: list[Site] = []

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Keep an engine's instruction."""
        self.signature.append((pc, extents))
        self.addresses.extend(addresses)
        self.sites.extend((pc, place) for place in range(len(addresses)))

    def step(self, op: str) -> None:
        """Keep a control instruction."""
        self.signature.append(op)

    def read(self, pc: int, address: int) -> None:
        """Keep the address of an ``s.read``."""
        self.addresses.append(address)
        self.sites.append((pc, 0))


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
    return _by_walking(walker, loop, count)


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
        if (deciding - {0}) & (inner | {index}) or item.op in ("beqz", "jmp"):
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


def _by_walking(walker: Walker, loop: Loop, count: int) -> Movement | None:
    saved = (list(walker.registers), walker.reads, walker.budget, walker.on_loop)
    walker.on_loop = None
    numbers: dict[tuple[object, ...], int] = {}
    kinds, rows, states, sites = [], [], [], {}
    recorded = 0
    for index in range(count):
        states.append((list(walker.registers), walker.reads))
        recorder = Recorder()
        walker.iterate(loop, index, recorder)
        kind = numbers.setdefault(tuple(recorder.signature), len(numbers))
        kinds.append(kind)
        rows.append(recorder.addresses)
        sites.setdefault(kind, recorder.sites)
        recorded += len(recorder.signature)
        if recorded > MAX_RECORDED:
            break
    states.append((list(walker.registers), walker.reads))
    walker.registers, walker.reads, walker.budget, walker.on_loop = saved
    if recorded > MAX_RECORDED:
        return None
    best: Movement | None = None
    for period in range(1, MAX_PERIOD + 1):
        found = _regular(kinds, rows, period)
        if found is None:
            continue
        start, end = found
        step = _steps(kinds, rows, sites, range(start, start + period))
        if step is not None and (best is None or end - start > 2 * (best.end - best.start)):
            best = Movement(period, start, end, step, states)
    return best


def _regular(kinds: list[int], rows: list[list[int]], period: int) -> tuple[int, int] | None:
    """The longest run of iterations that repeat every ``period`` with evenly moving addresses."""
    count = len(kinds)
    best, start = (0, 0), 0
    known: dict[int, np.ndarray] = {}
    arrays = [np.array(row, np.int64) for row in rows]
    for at in range(count - period):
        same = kinds[at] == kinds[at + period]
        if same:
            moved = arrays[at + period] - arrays[at]
            expected = known.get(at % period)
            same = expected is None or np.array_equal(moved, expected)
            if not same:
                # A new way of moving starts here: the run before it ends.
                start = at
                known = {}
            known[at % period] = moved
            if at + period + 1 - start > best[1] - best[0]:
                best = (start, at + period + 1)
        else:
            start, known = at + 1, {}
    return best if best[1] - best[0] >= 2 * period else None


def _steps(
    kinds: list[int], rows: list[list[int]], sites: dict[int, list[Site]], iterations: range
) -> dict[Site, int] | None:
    """Bytes a period that each site moves; None when one site moves in two ways."""
    step: dict[Site, int] = {}
    period = len(iterations)
    for at in iterations:
        for site, before, after in zip(sites[kinds[at]], rows[at], rows[at + period], strict=True):
            if step.setdefault(site, after - before) != after - before:
                return None
    return step
