"""One turn of a compiled program's loop, instruction by instruction, to be issued again in any order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from rnncc.cost import control_cycles
from rnncc.simulator.clockwork import Clockwork
from rnncc.simulator.lengths import start_registers
from rnncc.simulator.shape import Shapes, Timed
from rnncc.simulator.simulate import tree
from rnncc.simulator.structure import split
from rnncc.simulator.walker import Halt, Walker


@dataclass(frozen=True)
class Item:
    """An instruction with the bytes that it touches.

    Attributes:
        timed: what the clockwork knows of it.
        addresses: byte address of each operand.
    """

    timed: Timed
    addresses: tuple[int, ...]

    def spans(self):
        """(operand, (low, high, pitch, width)) of every operand that touches something."""
        for operand, address in zip(self.timed.operands, self.addresses, strict=True):
            low, high, pitch, width = operand.shape
            if low != high:
                yield operand, (low + address, high + address, pitch, width)


@dataclass
class Turn:
    """One turn of a loop.

    Attributes:
        items: its instructions, in the order of the program.
        control: cycles of its control instructions, the loop's own included.
        end: when everything issued until its end is done, from the program's start.
    """

    items: list[Item] = field(default_factory=list)
    control: int = 0
    end: int = 0


class _Recorder:
    """A sink that notes the turns of each loop, and times the program on the way."""

    def __init__(self, program):
        self.program = program
        self.shapes = Shapes(tuple(program.instructions), program.machine, program.ports)
        self.clock = Clockwork(program.machine)
        self.turns: dict[int, list[Turn]] = {}
        self.open: list[Turn] = []

    def run(self):
        registers = start_registers(self.program, {})
        walker = Walker(self.program.instructions, dict(registers), [], 10**6)
        walker.on_loop = self._record
        with suppress(Halt):
            walker.body(split(tree(self.program), self.program.setup)[1], self)

    def _record(self, walker, loop, count, sink):
        found = self.turns.setdefault(loop.pc, [])
        for index in range(count):
            turn = Turn()
            self.open.append(turn)
            walker.iterate(loop, index, sink)
            self.open.pop()
            turn.end = self.clock.finish()
            found.append(turn)
            if self.open:
                self.open[-1].items += turn.items
                self.open[-1].control += turn.control

    def tensor(self, pc, extents, addresses):
        timed = self.shapes.of(pc, extents)
        self.clock.issue(timed, addresses)
        if self.open:
            self.open[-1].items.append(Item(timed, addresses))

    def step(self, op):
        self.clock.step(op)
        if self.open:
            self.open[-1].control += control_cycles(self.program.machine, op)

    def read(self, pc, address):
        raise AssertionError("a body that reads a register is not one for the solver")


def turns_of(program):
    """The turns of the program's loop that has most of them (of several, most instructions)."""
    recorder = _Recorder(program)
    recorder.run()
    found = recorder.turns.values()
    return max(found, key=lambda turns: (len(turns), len(turns[0].items)), default=[])


def interval_of(turns):
    """Cycles from turn to turn in the later half of a loop's turns, in which it has settled."""
    half = len(turns) // 2
    return (turns[-1].end - turns[half - 1].end) / (len(turns) - half)


def cycles_of(items, machine):
    """Cycles of instructions issued in this order on an idle machine."""
    clock = Clockwork(machine)
    for item in items:
        clock.issue(item.timed, item.addresses)
    return clock.finish()
