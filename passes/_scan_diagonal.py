"""Building a wavefront: the diagonals before, in and after the one scan that does them.

Diagonal q does step ``q - l`` of every level l. With T steps and L levels there are T + L - 1.
The first L - 1, in which the upper levels have nothing to do yet, stand before the scan. In turn s
of the scan level l does step ``s + ahead(l)``, ``ahead(l) = L - 1 - l``, so that the last level
does step s and its outputs are stacked where they belong.

*The number of steps is known*: the scan has T - L + 1 turns, all levels at work in each, and the
last L - 1 diagonals stand behind it. No step is wasted, no select is needed.

*It is known at run time only* (a symbol, or ``steps``): the scan has as many turns as there are
steps. In the last turns, and before the scan when there are fewer steps than levels, the lower
levels run past the end. They then read some valid row, and what they compute reaches no result:
level l + 1 reads step t of level l at its own step t, outputs leave the scan delayed by
``ahead(l)`` turns, and final states are copied aside while ``step < n``; the copy is not on the
path from step to step.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import i64
from xdsl.ir import Operation, OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter
from rnncc.passes._scan_build import inline_step
from rnncc.passes._scan_glue import Time, one_step
from rnncc.passes._scan_sequence import Read, Sequences
from rnncc.passes._scan_turns import Turns
from rnncc.passes._scan_wave import Member, Wave

Reader = Callable[[Member, Read], SSAValue]
"""Gives the row that a member reads at the current diagonal."""
Made = dict[ScanOp, tuple[list[SSAValue], list[SSAValue]]]
"""The states and outputs that scans make in one diagonal."""


class Diagonals:
    """Replaces the members of a wave.

    Args:
        wave: the group.
        anchor: the member that stands last; everything is inserted before it.
        outside: the members' results that are needed after the wavefront.
    """

    def __init__(self, wave: Wave, anchor: ScanOp, outside: set[OpResult]):
        self.wave, self.outside = wave, outside
        self.members = list(wave.members.values())
        self.last = wave.levels - 1
        self.emit = Emitter(anchor)
        self.sequences = Sequences(self.emit, self.members[0].scan)
        self.run_time = self.sequences.run_time
        self.states: dict[ScanOp, list[SSAValue]] = {
            m.scan: list(m.scan.inits) for m in self.members
        }
        self.past: dict[OpResult, list[SSAValue]] = {}
        """Outputs of the diagonals before this one, newest first."""
        self.kept: dict[OpResult, SSAValue] = {}
        """Final states of levels that may run past the end."""
        self.rows: dict[OpResult, list[SSAValue]] = {}
        """Outputs that leave the straight code before and behind the scan, in order of steps."""
        for member in self.members:
            for number, state in enumerate(member.scan.states):
                if self.run_time and self.ahead(member) and state in outside:
                    self.kept[state] = member.scan.inits[number]

    def ahead(self, member: Member) -> int:
        """How many steps a member is ahead of the last level in one turn of the scan."""
        return self.last - member.level

    def depth(self, output: OpResult) -> int:
        """How many diagonals back an output is read."""
        (maker,) = (m for m in self.members if m.scan is output.op)
        depths = [m.level - maker.level for m in self.members if output in m.sources]
        if self.run_time and output in self.outside:
            depths.append(self.ahead(maker))
        return max(depths, default=0)

    def build(self) -> tuple[dict[OpResult, SSAValue], ScanOp]:
        """Insert everything; gives the new value of each result that is needed outside, and the scan."""
        for diagonal in range(self.last):
            self._straight(diagonal, [m for m in self.members if m.level <= diagonal])
        before, self.rows = self.rows, {}
        stacked, scan = Turns(self).build()
        if self.run_time:
            return stacked, scan
        steps = self.sequences.steps
        for diagonal in range(self.last):
            self._straight(steps + diagonal, [m for m in self.members if m.level > diagonal])
        found: dict[OpResult, SSAValue] = {}
        for member in self.members:
            for number, state in enumerate(member.scan.states):
                found[state] = self.states[member.scan][number]
            for output in member.scan.outputs:
                if output in self.outside:
                    middle = stacked[output]
                    parts = [before.get(output, []), [middle], self.rows.get(output, [])]
                    found[output] = self._joined(member, output, parts)
        return found, scan

    # One step of one member

    def advance(
        self, member: Member, emit: Emitter, step: Callable[[], SSAValue], read: Reader
    ) -> tuple[list[SSAValue], list[SSAValue]]:
        scan = member.scan
        done: dict[tuple[SSAValue, bool], SSAValue] = {}

        def value_at(value: SSAValue, time: Time | None, reverse: bool) -> SSAValue:
            """One step of a value that operations between the scans read."""
            if value in member.sources:
                assert isinstance(value, OpResult)
                distance = member.level - self.wave.members[value.op].level  # type: ignore[index]
                return emit.unsqueeze(self.past[value][distance - 1], 0)
            op = value.owner
            if isinstance(op, Operation) and op in member.times:
                key = (value, reverse)
                if key not in done:
                    own, times = member.times[op]
                    operands = [
                        value_at(v, times.get(k), reverse) for k, v in enumerate(op.operands)
                    ]
                    done[key] = emit(one_step(op, operands, own))
                return done[key]
            if time is None:
                return value
            row = read(member, Read(value, time, reverse))
            return Sequences.one_step(emit, row, time)

        slices = []
        for value, reverse in zip(scan.inputs, scan.input_flags, strict=True):
            owner = value.owner
            if value in member.sources or (isinstance(owner, Operation) and owner in member.times):
                slices.append(emit.squeeze(value_at(value, None, reverse), 0))
            else:
                slices.append(read(member, Read(value, Time(0), reverse)))
        number = step() if scan.index.first_use is not None else scan.index
        made = inline_step(scan, emit, [number, *slices, *self.states[member.scan]])
        return made[: len(scan.inits)], made[len(scan.inits) :]

    def remember(self, made: Made) -> None:
        """After a diagonal: its states and outputs are the newest."""
        for scan, (states, outputs) in made.items():
            self.states[scan] = states
            for output, value in zip(scan.outputs, outputs, strict=True):
                depth = self.depth(output)
                self.past[output] = [value, *self.past.get(output, [])][:depth]
        for output, values in self.past.items():
            if output.op not in made and values:
                # It has ended: what is read is older by one diagonal, the newest is not read.
                self.past[output] = [values[0], *values][: self.depth(output)]

    # Before and behind the scan

    def _straight(self, diagonal: int, members: list[Member]) -> None:
        made: Made = {}
        for member in members:
            step = diagonal - member.level
            made[member.scan] = self.advance(
                member,
                self.emit,
                lambda step=step: self.emit.scalar(step, i64),
                lambda _, read, step=step: self.sequences.row(read, step),
            )
            states, outputs = made[member.scan]
            for output, value in zip(member.scan.outputs, outputs, strict=True):
                self.rows.setdefault(output, []).append(value)
            for state, value in zip(member.scan.states, states, strict=True):
                if state in self.kept:
                    self.kept[state] = self._kept(step, value, self.kept[state])
        self.remember(made)

    def _kept(self, step: int, new: SSAValue, old: SSAValue) -> SSAValue:
        number = self.emit.scalar(step, i64)
        valid = self.emit(nn.CompareOp("lt", number, self.sequences.count()))
        return self.emit(nn.SelectOp(valid, new, old))

    def _joined(self, member: Member, output: OpResult, parts: list[list[SSAValue]]) -> SSAValue:
        """An output from its first rows, what the scan stacked, and its last rows."""
        first, middle, last = parts
        rows = [
            [self.emit.unsqueeze(v, 0) for v in first],
            middle,
            [self.emit.unsqueeze(v, 0) for v in last],
        ]
        number = output.index - len(member.scan.inits)
        if member.scan.output_flags[number]:
            rows = [part[::-1] for part in rows[::-1]]
        whole = [v for part in rows for v in part]
        return whole[0] if len(whole) == 1 else self.emit(nn.ConcatOp(whole, 0))
