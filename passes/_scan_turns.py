"""The scan in the middle of a wavefront, where all levels are at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import i64
from xdsl.ir import Block, OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp
from rnncc.passes._scan_sequence import Read
from rnncc.passes._scan_wave import Member, same_state

if TYPE_CHECKING:
    from rnncc.passes._scan_diagonal import Diagonals, Made


class Turns:
    """Builds the scan between the diagonals before and behind it.

    Args:
        whole: what the diagonals before left, and what those behind go on from.
    """

    def __init__(self, whole: Diagonals):
        self.whole = whole
        seed = whole.members[0].scan
        self.symbol, self.steps = seed.symbol.data, seed.steps
        self.count = whole.sequences.steps - (0 if whole.run_time else whole.last)
        self.block = Block(arg_types=[INDEX])
        self.index = self.block.args[0]
        self.inner = whole.emit.inside(self.block)
        self.inputs: list[SSAValue] = []
        self.flags: list[bool] = []
        self.inits: list[SSAValue] = []
        self.known: dict[object, SSAValue] = {}

    def build(self) -> tuple[dict[OpResult, SSAValue], ScanOp]:
        """Insert the scan; gives the new values of the results that are needed outside, and the scan.

        When the steps are known, outputs are those of the turns only; `whole` gets the states.
        """
        whole = self.whole
        states = {
            m.scan: [
                self._carry(v, a)
                for v, a in zip(whole.states[m.scan], m.scan.state_args, strict=True)
            ]
            for m in whole.members
        }
        past: dict[OpResult, list[SSAValue]] = {}
        for member in whole.members:
            for output in member.scan.outputs:
                if depth := whole.depth(output):
                    first = same_state(member.scan, output)
                    carried = whole.past[output][:depth]
                    past[output] = [] if first is None else [states[member.scan][first]]
                    past[output] += [self._carry(v) for v in carried[len(past[output]) :]]
        kept = {state: self._carry(v) for state, v in whole.kept.items()}
        whole.states, whole.past = states, past
        made: Made = {}
        for member in whole.members:
            made[member.scan] = whole.advance(
                member, self.inner, self._step(whole.ahead(member)), self._read
            )
        return self._insert(made, past, kept)

    def _carry(self, init: SSAValue, like: SSAValue | None = None) -> SSAValue:
        """A new state."""
        argument = self.block.insert_arg(init.type, len(self.block.args))
        argument.name_hint = like.name_hint if like is not None else None
        self.inits.append(init)
        return argument

    def _slice(self, sequence: SSAValue, reverse: bool) -> SSAValue:
        """The slice of a (perhaps new) input."""
        key = ("slice", sequence, reverse)
        if key not in self.known:
            shape, symbols = shape_of(sequence)[1:], symbols_of(sequence)[1:]
            kind = tensor_type(type_of(sequence).get_element_type(), shape, symbols)
            self.known[key] = self.block.insert_arg(kind, 1 + len(self.inputs))
            self.inputs.append(sequence)
            self.flags.append(reverse)
        return self.known[key]

    def _step(self, ahead: int) -> Callable[[], SSAValue]:
        """The number of the step that a level does in this turn."""

        def number() -> SSAValue:
            if not ahead:
                return self.index
            key = ("step", ahead)
            if key not in self.known:
                distance = self.whole.emit.scalar(ahead, i64)
                self.known[key] = self.inner.binary("add", self.index, distance)
            return self.known[key]

        return number

    def _read(self, member: Member, read: Read) -> SSAValue:
        """The row that a member reads in this turn."""
        whole, ahead = self.whole, self.whole.ahead(member)
        key = ("row", read, ahead)
        if key not in self.known:
            if whole.run_time and ahead:
                row = whole.sequences.ahead(self.inner, read, self._step(ahead)())
            else:
                row = self._slice(self._part(read, member.level, ahead), read.reverse)
            self.known[key] = row
        return self.known[key]

    def _part(self, read: Read, level: int, ahead: int) -> SSAValue:
        """The rows of a sequence that the turns read."""
        sequence = self.whole.sequences.front(read.value, read.time)
        if self.whole.run_time:
            return sequence
        start = level if read.reverse else ahead
        key = ("part", sequence, start)
        if key not in self.known:
            self.known[key] = self.whole.sequences.fixed(sequence, start, self.count)
        return self.known[key]

    def _valid(self, ahead: int) -> SSAValue:
        """Whether the step of a level that is ahead is one of the scan's; i1 without dimensions."""
        key = ("valid", ahead)
        if key not in self.known:
            emit = self.whole.emit
            line = emit(nn.IotaOp(tensor_type(i64, [self.count], [self.symbol]), 0))
            step = emit.binary("add", line, emit.scalar(ahead, i64))
            mask = emit(nn.CompareOp("lt", step, self.whole.sequences.count()))
            self.known[key] = self._slice(mask, False)
        return self.known[key]

    def _insert(
        self, made: Made, past: dict[OpResult, list[SSAValue]], kept: dict[OpResult, SSAValue]
    ) -> tuple[dict[OpResult, SSAValue], ScanOp]:
        """End the step, insert the scan, and note where everything is afterwards."""
        whole = self.whole
        yielded: list[SSAValue] = []
        stacked: list[tuple[OpResult, SSAValue, bool]] = []
        for member in whole.members:
            yielded += made[member.scan][0]
        for member in whole.members:
            scan = member.scan
            for number, (output, new) in enumerate(zip(scan.outputs, made[scan][1], strict=True)):
                history = [new, *past.get(output, [])]
                if output in past:
                    first = 0 if same_state(scan, output) is None else 1
                    yielded += history[first:-1]
                if output in whole.outside:
                    delay = whole.ahead(member) if whole.run_time else 0
                    stacked.append((output, history[delay], scan.output_flags[number]))
        for state, old in kept.items():
            (member,) = (m for m in whole.members if m.scan is state.op)
            new = made[member.scan][0][state.index]
            valid = self._valid(whole.ahead(member))
            yielded.append(self.inner(nn.SelectOp(valid, new, old)))
        self.block.add_op(YieldOp(*yielded, *(value for _, value, _ in stacked)))
        scan = ScanOp.make(
            self.inputs,
            self.inits,
            self.block,
            max_steps=self.count,
            symbol=self.symbol,
            steps=self.steps if whole.run_time else None,
            input_reverse=self.flags,
            output_reverse=[flag for _, _, flag in stacked],
        )
        whole.emit.add(scan)
        found = self._after(scan, past, kept, [output for output, _, _ in stacked])
        return found, scan

    def _after(
        self,
        scan: ScanOp,
        past: dict[OpResult, list[SSAValue]],
        kept: dict[OpResult, SSAValue],
        stacked: list[OpResult],
    ) -> dict[OpResult, SSAValue]:
        """Where states, past outputs and stacked outputs are behind the scan."""
        whole = self.whole
        results: list[SSAValue] = [*reversed(scan.states)]
        found: dict[OpResult, SSAValue] = {}
        for member in whole.members:
            whole.states[member.scan] = [results.pop() for _ in member.scan.inits]
            found.update(zip(member.scan.states, whole.states[member.scan], strict=True))
        for member in whole.members:
            for output in member.scan.outputs:
                if output in past:
                    first = same_state(member.scan, output)
                    shared = [] if first is None else [whole.states[member.scan][first]]
                    rest = [results.pop() for _ in past[output][len(shared) :]]
                    whole.past[output] = shared + rest
        for state in kept:
            found[state] = results.pop()
        found.update(zip(stacked, scan.outputs, strict=True))
        return found
