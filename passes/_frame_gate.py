"""The step of a recurrence behind a gate: skipped when its frame is nearly the last processed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import TensorType, i1, i32
from xdsl.ir import Attribute, Block, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import (
    copy_node,
    numpy_dtype,
    shape_of,
    tensor_type,
    type_of,
)
from rnncc.dialects.rnn import INDEX, IfOp, ScanOp, YieldOp, slice_type
from rnncc.passes._emit import Emitter
from rnncc.passes._frame_distance import Distance, all_of, wide
from rnncc.passes._frame_front import Front
from rnncc.passes._frame_rows import RowStep, row_by_row


@dataclass
class Sources:
    """What decides about a step.

    Attributes:
        front: what moves into the step with it.
        sequences: the front's roots with the time first, [T, ...].
        frames: those of them that are compared by distance.
        exact: those of them whose values must not change at all (words, flags).
        near: i1 [T] of recurrences in front: whether they skipped the step.
        masks: numbers of the scan's inputs that say which rows still run.
    """

    front: Front
    sequences: list[SSAValue]
    frames: list[SSAValue]
    exact: list[SSAValue]
    near: list[SSAValue]
    masks: list[int]


@dataclass
class Gated:
    """A scan behind its gate.

    Attributes:
        scan: the new scan.
        near: whether each step was skipped, i1 [T], or [T, rows] when rows are skipped apart.
        processed: how many steps were not, i32 [1], or [rows].
        apart: whether rows are skipped apart.
    """

    scan: ScanOp
    near: SSAValue
    processed: SSAValue
    apart: bool


class Gate:
    """Builds the new scan. Its states: the old ones, outputs that are no state, the last processed
    frames, what their distance needs, and the number of processed steps."""

    def __init__(self, scan: ScanOp, sources: Sources, distance: Distance, *, apart: bool = False):
        """Prepare.

        Args:
            apart: skip each row on its own, where the step can be taken apart by rows.
        """
        self.scan, self.sources, self.distance = scan, sources, distance
        self.apart = apart and distance.rows > 1
        self.sequences = sources.sequences
        self.others = [k for k in range(len(scan.inputs)) if k not in sources.front.numbers]
        self.reverse = scan.input_flags[min(sources.front.numbers)]
        self.emit = Emitter(scan)

    def build(self) -> Gated:
        """Replace the scan."""
        scan, sources, count, symbol = (
            self.scan,
            self.sources,
            self.scan.count,
            self.scan.symbol.data,
        )
        inputs = [*self.sequences, *sources.near, *(scan.inputs[k] for k in self.others)]
        kept = self._kept()
        inits = [*scan.inits, *self._inits(kept)]
        slices = [slice_type(v.type, count, symbol) for v in inputs]
        block = Block(arg_types=[INDEX, *slices, *(v.type for v in inits)])
        at = 1 + len(self.sequences)
        parts = dict(zip(self.sequences, block.args[1:at], strict=True))
        upstream = block.args[at : at + len(sources.near)]
        at += len(sources.near)
        others = dict(zip(self.others, block.args[at : at + len(self.others)], strict=True))
        states = list(block.args[1 + len(inputs) :])
        inside = self.emit.inside(block)
        carried = _Carried(self, states, len(kept))
        near = self._near(parts, list(upstream), others, carried, inside)
        process = Block()
        self._process(process, block.args[0], parts, others, carried)
        made: list[SSAValue]
        if self.apart:
            around = [*parts.values(), *others.values(), *states]
            step = RowStep(process, around, self.distance.rows)
            made = row_by_row(step, near, states, inside) if step.possible else []
            _discard(process)
            if not made:
                _discard(block)
                return Gate(scan, sources, self.distance).build()
        else:
            skip = Block()
            skip.add_op(YieldOp(*states))
            choice = IfOp.make(near, skip, process)
            inside.add(choice)
            made = list(choice.results)
        results = dict(zip(scan.yielded_states, made, strict=False))
        results |= dict(zip(kept, made[len(scan.inits) :], strict=False))
        block.add_op(YieldOp(*made, *(results[v] for v in scan.yielded_outputs), near))
        flags = [self.reverse] * len(self.sequences) + [False] * len(sources.near)
        new = ScanOp.make(
            inputs,
            inits,
            block,
            max_steps=count,
            symbol=symbol,
            steps=scan.steps,
            input_reverse=[*flags, *(scan.input_flags[k] for k in self.others)],
            output_reverse=[*scan.output_flags, False],
        )
        new.attributes |= scan.attributes
        self.emit.add(new)
        for old, value in zip(scan.results, self._same(new), strict=True):
            value.name_hint = old.name_hint
            old.replace_all_uses_with(value)
        front = sources.front.ops
        for op in (scan, *reversed(front)):
            op.detach()
            op.erase()
        return Gated(new, new.outputs[-1], new.states[-1], self.apart)

    def _kept(self) -> list[SSAValue]:
        """Outputs of the step that no state remembers."""
        outputs = dict.fromkeys(self.scan.yielded_outputs)
        return [v for v in outputs if v not in self.scan.yielded_states]

    def _same(self, new: ScanOp) -> list[SSAValue]:
        """The results of the new scan that take the place of the old one's."""
        return [*new.states[: len(self.scan.inits)], *new.outputs[:-1]]

    def _frame_type(self, sequence: SSAValue) -> TensorType:
        size = int(np.prod(shape_of(sequence)[1:])) // self.distance.rows
        return tensor_type(wide(sequence), (self.distance.rows, size))

    def _inits(self, kept: Sequence[SSAValue]) -> list[SSAValue]:
        """What is carried besides the scan's own states, before the first step."""

        def filled(kind: Attribute, value: float) -> SSAValue:
            assert isinstance(kind, TensorType)
            array = np.full(kind.get_shape(), value, numpy_dtype(kind.element_type))
            return self.emit.constant(array)

        inits = [filled(v.type, 0) for v in kept]
        inits += [filled(self._frame_type(v), np.nan) for v in self.sources.frames]
        for v in self.sources.exact:
            shape = shape_of(v)[1:]
            inits.append(filled(tensor_type(type_of(v).element_type, shape), 0))
        if self.sources.frames and self.distance.remembers:
            kind = self._frame_type(self.sources.frames[0])
            inits.append(filled(tensor_type(kind.element_type, [self.distance.rows]), 0))
        return [*inits, filled(self._counter(), 0)]

    def _counter(self) -> TensorType:
        return tensor_type(i32, [self.distance.rows if self.apart else 1])

    def frame(self, part: SSAValue, sequence: SSAValue, emit: Emitter) -> SSAValue:
        """One frame as [rows, n], in the type that is compared in."""
        kind = self._frame_type(sequence)
        value = emit.reshape(part, kind.get_shape(), ("", ""))
        same = type_of(value).element_type == kind.element_type
        return value if same else emit(nn.CastOp(value, kind.element_type))

    def _near(
        self,
        parts: Mapping[SSAValue, SSAValue],
        upstream: list[SSAValue],
        others: Mapping[int, SSAValue],
        carried: _Carried,
        emit: Emitter,
    ) -> SSAValue:
        """Whether a step may be skipped: i1 [], or [rows] when rows are skipped apart."""
        reasons = list(upstream)
        if self.sources.frames:
            frames = [self.frame(parts[v], v, emit) for v in self.sources.frames]
            rows = self.distance.near(frames, carried.last, carried.memory, emit)
            for number in self.sources.masks:
                runs = emit.reshape(others[number], (self.distance.rows,), ("",))
                rows = emit.binary("or", rows, emit(nn.UnaryOp("not", runs)))
            reasons.append(rows)
        for sequence, old in zip(self.sources.exact, carried.exact, strict=True):
            reasons.append(all_of(emit(nn.CompareOp("eq", parts[sequence], old)), emit))
        near = reasons[0]
        for reason in reasons[1:]:
            near = emit.binary("and", near, reason)
        if not self.apart:
            return all_of(near, emit)
        kind = tensor_type(i1, [self.distance.rows])
        return near if near.type == kind else emit(nn.BroadcastOp(near, kind))

    def _process(
        self,
        block: Block,
        index: SSAValue,
        parts: Mapping[SSAValue, SSAValue],
        others: Mapping[int, SSAValue],
        carried: _Carried,
    ) -> None:
        """The way of a step that is not skipped: the front, the old step, what is remembered."""
        scan, emit = self.scan, self.emit.inside(block)
        front = self.sources.front
        made = front.step([parts[v] for v in self.sequences], emit)
        mapping: dict[SSAValue, SSAValue] = {scan.index: index}
        for k, argument in enumerate(scan.slice_args):
            mapping[argument] = others[k] if k in others else made[scan.inputs[k]]
        mapping |= dict(zip(scan.state_args, carried.states, strict=True))
        end = scan.terminator
        for op in scan.body.block.ops:
            if op is not end:
                copy = op.clone(mapping)
                emit.add(copy)
        new = [mapping.get(v, v) for v in (*scan.yielded_states, *self._kept())]
        frames = [self.frame(parts[v], v, emit) for v in self.sources.frames]
        new += [*frames, *(parts[v] for v in self.sources.exact)]
        if carried.memory is not None:
            new.append(self.distance.memory(frames, emit))
        new.append(emit.binary("add", carried.count, emit.constant(np.asarray(1, np.int32))))
        last = YieldOp(*new)
        copy_node(end, last)
        block.add_op(last)


def _discard(block: Block) -> None:
    """Forget operations that were written to no use."""
    for op in reversed(list(block.ops)):
        op.detach()
        op.erase(safe_erase=False)


class _Carried:
    """The states of the new step by what they are for."""

    def __init__(self, gate: Gate, states: Sequence[SSAValue], kept: int):
        rest = list(states[len(gate.scan.inits) + kept :])
        self.states = list(states[: len(gate.scan.inits)])
        frames, exact = len(gate.sources.frames), len(gate.sources.exact)
        self.last, rest = rest[:frames], rest[frames:]
        self.exact, rest = rest[:exact], rest[exact:]
        self.count = rest.pop()
        self.memory = rest[0] if rest else None
