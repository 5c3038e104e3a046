"""A loop as wide calls, in a few parts where the buffers that iterations need would take much room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Extent, Instruction
from rnncc.isa.types import FLOAT_TYPES, NUMPY_TYPES
from rnncc.simulator.calls import Argument, Call
from rnncc.simulator.decode import Decoder
from rnncc.simulator.structure import Loop
from rnncc.simulator.wide.accesses import Access, accesses
from rnncc.simulator.wide.buffers import MIN_COUNT, Buffers, operand_at
from rnncc.simulator.wide.clusters import Cluster, clusters
from rnncc.simulator.wide.forms import MAX_COUNT, Stays
from rnncc.simulator.wide.ranges import Ranges
from rnncc.simulator.wide.rotate import rotated
from rnncc.simulator.wide.widen import more_columns, widened

MAX_STAGES = 3
"""Turns of a pipelined loop that are under way at once."""
MAX_BODY = 64
"""Instructions of a loop that is looked at."""


@dataclass
class Plan:
    """What to run instead of a loop.

    Attributes:
        sums: variable -> the registers and factors that it is the sum of; set before the calls.
        calls: instruction index and call, in order.
        safe: no call can fail.
    """

    sums: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    calls: list[tuple[int, Call]] = field(default_factory=list)
    safe: bool = True


def plan(instructions: Sequence[Instruction], loop: Loop, decoder: Decoder, known: Ranges) -> Plan:
    """The wide calls of an innermost loop with a fixed count.

    After them memory holds what it would hold after the loop. Registers are the caller's to set.

    Args:
        instructions: the program.
        loop: the loop.
        decoder: binds instructions to memory.
        known: ranges of registers when it starts.

    Raises:
        Stays: its iterations depend on one another, or cannot be shown not to.
    """
    head = instructions[loop.pc]
    count = int(head.imm[0])
    if loop.body.end - loop.body.first > MAX_BODY:
        raise Stays("a long body")
    if head.ra or not MIN_COUNT <= count <= MAX_COUNT or loop.body.targets or loop.body.leaves:
        raise Stays("the count")
    found = accesses(instructions, loop, count, decoder.memory, decoder.matrices.nbytes, known)
    if not found:
        raise Stays("nothing to gain")
    try:
        return _plan(decoder, found, MAX_STAGES)
    except SimulationError as error:
        # The loop itself will say it, if it runs.
        raise Stays(str(error)) from None


def _plan(decoder: Decoder, found: list[Access], stages: int) -> Plan:
    """As it is or, where turns of up to so many stages use one another's results, with its late part a turn later."""
    try:
        return _Planner(decoder, found).plan
    except Stays as reason:
        if stages == 1:
            raise
        try:
            parts = rotated(found)
            inner = _plan(decoder, parts.turns, stages - 1)
        except Stays:
            raise reason from None
    before, after = _once(decoder, parts.head, 0, inner), _once(decoder, parts.tail, -1, inner)
    return replace(inner, calls=[*before, *inner.calls, *after])


def _once(decoder: Decoder, found: list[Access], turn: int, inner: Plan) -> list[tuple[int, Call]]:
    """The calls of one iteration of some instructions; may add to the plan's sums."""
    groups: dict[int, list[Access]] = {}
    for access in found:
        groups.setdefault(access.pc, []).append(access)
    calls = []
    for pc, group in groups.items():
        operands = tuple(operand_at(a, int(a.at[turn]), inner.sums) for a in group)
        item = replace(group[0].item, operands=operands)
        call = decoder.bind(item, _extents(item))
        if call is not None:
            calls.append((pc, call))
    return calls


class _Planner:
    def __init__(self, decoder: Decoder, found: list[Access]):
        self.decoder = decoder
        self.cluster = clusters(found)
        self.plan = Plan()
        self.buffers = Buffers(decoder, found, self.cluster)
        self._check(found)
        self._bind()
        self.plan.sums = self.buffers.sums

    def _check(self, found: list[Access]) -> None:
        for access in found:
            fixed = self.cluster[access].kind == "read" and access.step == 0
            if access.proved:
                continue
            if not fixed:
                raise Stays(f"instruction {access.pc} may leave {access.area}")
            self.plan.safe = False
        for group in self.buffers.items.values():
            if group[0].area != "wmem":
                # What the loop's own calls would refuse is theirs to say. Loads are bound last: they may copy.
                self.decoder.bind(group[0].item, _extents(group[0].item))

    def _bind(self) -> None:
        for start, count in self.buffers.parts:
            for pc, group in self.buffers.items.items():
                if self.buffers.copy_of(group[0]) is None:
                    self._call(pc, self._wide(group, start, count))
        start, _ = self.buffers.parts[-1]
        for cluster in self.buffers.private:
            for turn in cluster.last:
                self._leave(cluster, turn, turn - start)

    def _call(self, pc: int, call: Call | None) -> None:
        if call is not None:
            self.plan.calls.append((pc, call))

    def _wide(self, group: list[Access], start: int, count: int) -> Call | None:
        item = group[0].item
        if item.op in ("mm", "mma") and self.cluster[group[0]] is self.cluster[group[1]]:
            raise Stays("a product onto its factor")
        if item.op == "reduce" and item.kind in ("sum", "prod") and item.types[0] in FLOAT_TYPES:
            # NumPy may add in another order where there is one more axis.
            raise Stays("sums of floats")
        moving = [self.buffers.moving(access, start) for access in group]
        if item.op not in ("mm", "mma"):
            return self._bound(widened(item, moving, count))
        panels = self.cluster[group[2]]
        if panels.kind != "private":
            return self._bound(widened(item, moving, count))
        if item.types[2] not in FLOAT_TYPES:
            # A product of integers makes a copy of its weights.
            raise Stays("weights of integers")
        wide = more_columns(item, moving, count)
        return self.decoder.product(
            wide, _extents(wide), self.buffers.matrix(group[2], start, count)
        )

    def _bound(self, wide: Instruction) -> Call | None:
        return self.decoder.bind(wide, _extents(wide))

    def _leave(self, cluster: Cluster, turn: int, place: int) -> None:
        """Bring what an iteration leaves in a private buffer to where the program expects it."""
        buffers = self.buffers
        copied = buffers.copy_of(cluster.accesses[0])
        if copied is not None and copied[0].area == "wmem":
            to = copied[0]
            _, n, k = to.extents
            put, extra = self.decoder.matrices.loader(
                buffers.operand(to, int(to.at[turn])),
                (n, k),
                NUMPY_TYPES[to.item.types[0]],
                copy=False,
            )
            matrix = buffers.panels(cluster)[turn]
            self._call(to.pc, Call(put, (Argument(matrix), *extra)))
            return
        if copied is not None:
            to, source = copied
            operands = tuple(buffers.operand(a, int(a.at[turn])) for a in (to, source))
            self._call(to.pc, self._bound(replace(to.item, operands=operands)))
            return
        done = set()
        for access in cluster.accesses:
            key = (int(access.at[0]), access.extents, access.operand.strides, access.size)
            if not access.writes or key in done:
                continue
            done.add(key)
            kind = access.item.types[access.place]
            e0, e1, e2 = (Extent(value) for value in access.extents)
            operands = (
                buffers.operand(access, int(access.at[turn])),
                buffers.own(access, place),
            )
            copy = Instruction("dma", "", (kind, kind), (e0, e1, e2), operands)
            self._call(access.pc, self._bound(copy))


def _extents(item: Instruction) -> tuple[int, int, int]:
    e0, e1, e2 = (extent.value for extent in item.extents)
    return e0, e1, e2


def text_of(parts: tuple[tuple[int, int], ...]) -> str:
    """A sum of registers as Python text."""
    return " + ".join(f"{factor} * r{register}" for register, factor in parts)
