"""The cycles of a program: its dynamic instruction stream through the clockwork, regular loops extrapolated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rnncc.isa.instruction import Instruction
from rnncc.isa.types import ITEM_SIZES
from rnncc.machine.description import MachineDescription
from rnncc.simulator.clockwork import Clockwork
from rnncc.simulator.footprint import Extents
from rnncc.simulator.lengths import MAX_INSTRUCTIONS, PROGRESS_EVERY
from rnncc.simulator.loads import Loads
from rnncc.simulator.movement import movement
from rnncc.simulator.periodic import State, advance, stays_apart, sweep
from rnncc.simulator.runs import Movement
from rnncc.simulator.shape import MEMORY_IDS, Shapes
from rnncc.simulator.structure import Body, Loop
from rnncc.simulator.walker import Addresses, Halt, Sink, Walker

WORTHWHILE = 4
"""Iterations below which a loop is not looked into."""

PATIENCE = 400
"""Turns of a regular loop whose state is remembered while waiting for it to repeat."""


@dataclass
class _Seen:
    """What was true when a state was first seen."""

    index: int
    now: int
    stalls: list[int]
    counts: list[int]
    array: list[int]
    control: tuple[int, int]
    reads: int


class Timing:
    """One timed run; also the sink of its walker.

    Args:
        instructions: the program.
        body: its loop tree.
        machine: which machine.
        extrapolate: add periods of regular loops instead of simulating them.
        progress: called now and then with the instructions executed.
        clock: the machine's state at the start; a new one by default.
        ports: DRAM addresses [low, high) of the program's inputs and outputs.

    Attributes:
        clock: the machine's state.
        shapes: the instructions executed, by their number in ``clock.counts``.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        body: Body,
        machine: MachineDescription,
        *,
        extrapolate: bool = True,
        progress: Callable[[int], None] | None = None,
        clock: Clockwork | None = None,
        ports: Sequence[tuple[int, int]] = (),
    ):
        self.instructions = tuple(instructions)
        self._body = body
        self.clock = clock or Clockwork(machine)
        self.shapes = Shapes(self.instructions, machine, ports)
        self.extrapolate = extrapolate
        self.extrapolated = 0
        self.loads = Loads(body)
        self._progress = progress
        self._done = 0
        self.step = self.clock.step

    def run(
        self,
        registers: Mapping[int, int],
        trace: Sequence[int],
        max_instructions: int = MAX_INSTRUCTIONS,
    ) -> int:
        """Time the program; returns the cycles until every engine is done.

        Args:
            registers: register -> value at the start.
            trace: what each ``s.read`` reads.
            max_instructions: what the program may execute (extrapolated iterations are free).

        Raises:
            SimulationError: see ``Walker.body``.
        """
        walker = Walker(self.instructions, dict(registers), trace, max_instructions)
        if self.extrapolate:
            walker.on_loop = self._loop
        with suppress(Halt):
            walker.body(self._body, self)
        return self.clock.finish()

    def tensor(self, pc: int, extents: Extents, addresses: Addresses) -> None:
        """Issue an engine's instruction."""
        timed = self.shapes.of(pc, extents)
        self.clock.issue(timed, addresses)
        if timed.loads:
            self.loads.note(timed, addresses)
        elif timed.work.macs:
            self.loads.used(timed, addresses[2])
        if self._progress is not None:
            self._done += 1
            if self._done % PROGRESS_EVERY == 0:
                self._progress(self._done)

    def read(self, pc: int, address: int) -> None:
        """Wait for what an ``s.read`` reads."""
        instruction = self.instructions[pc]
        size = ITEM_SIZES[instruction.types[0]]
        memory = MEMORY_IDS[instruction.operands[0].memory]
        self.clock.sync(memory, (address, address + size, 0, 0))

    def _loop(self, walker: Walker, loop: Loop, count: int, sink: Sink) -> None:
        moves = movement(walker, loop, count) if count >= WORTHWHILE else None
        seen: dict[State, _Seen] = {}
        index = 0
        while index < count:
            if moves is not None and moves.start <= index < moves.end:
                turn, rest = divmod(index - moves.start, moves.period)
                if rest == 0:
                    now = self._mark(walker, index)
                    earlier = seen.setdefault(State(self.clock, moves.step, turn), now)
                    if earlier is not now:
                        ahead = self._jump(walker, loop, moves, earlier, now)
                        # Once is enough: after the jump less than a period is left, or nothing may be skipped.
                        moves = None
                        if ahead:
                            index += ahead
                            continue
                    elif len(seen) > PATIENCE:
                        moves = None
            if not walker.iterate(loop, index, sink):
                return
            index += 1
        rd = self.instructions[loop.pc].rd
        if rd and count:
            walker.registers[rd] = count - 1

    def _mark(self, walker: Walker, index: int) -> _Seen:
        clock = self.clock
        return _Seen(
            index,
            clock.now,
            list(clock.stalls),
            list(clock.counts),
            list(clock.array),
            (clock.control, clock.control_busy),
            walker.reads,
        )

    def _jump(self, walker: Walker, loop: Loop, moves: Movement, then: _Seen, now: _Seen) -> int:
        """Skip as many whole periods as are left; returns how many iterations that is."""
        length = now.index - then.index
        times = (moves.end - now.index) // length
        if times < 1:
            return 0
        last = (moves.end - 1 - moves.start) // moves.period
        sweeps = sweep(self.shapes, walker, loop, moves, range(then.index, now.index))
        if not stays_apart(sweeps, 0, last):
            return 0
        clock = self.clock
        advance(clock, moves.step, times * length // moves.period, times * (now.now - then.now))
        for timed, (target, source) in sweeps.loads:
            step = moves.step.get((timed.pc, 1), 0) * (length // moves.period)
            if not step:
                self.loads.note(timed, (target, source), times)
                continue
            for turn in range(1, times + 1):
                self.loads.note(timed, (target, source + turn * step))
        clock.stalls = _ahead(now.stalls, then.stalls, times)
        clock.counts = _ahead(now.counts, then.counts, times)
        clock.array = _ahead(now.array, then.array, times)
        clock.control, clock.control_busy = _ahead(now.control, then.control, times)
        index = now.index + times * length
        if moves.states:
            # All iterations were walked: these are the registers before the next one, or after the last.
            registers, walker.reads = moves.states[index]
            walker.registers = list(registers)
        else:
            walker.reads = now.reads + times * (now.reads - then.reads)
        self.extrapolated += times * length
        return times * length


def _ahead(now: Sequence[int], then: Sequence[int], times: int) -> list[int]:
    padded = [*then, *[0] * (len(now) - len(then))]
    return [one + times * (one - other) for one, other in zip(now, padded, strict=True)]
