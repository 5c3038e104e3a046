"""Rules of batch-sequences: rnn.scan, its body, and everything inside of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import TensorType, UnitAttr
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import copy_node, shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter
from rnncc.passes._packed import PACKED_ATTR
from rnncc.passes._rows import Rows, rows_type, spread
from rnncc.passes._rows_common import Value, refuse
from rnncc.passes._rows_ops import RULES


@dataclass
class Batcher:
    """Rewrites blocks for `size` sequences.

    Attributes:
        size: the number of sequences.
        lengths: each sequence's number of steps, i32 [size]; None when all run equally long.
        packed: whether those are in descending order.
        env: the new value of each old one.
        times: the most steps, and the run-time length, of each scan whose rows end at lengths of their own.
    """

    size: int
    lengths: SSAValue | None = None
    packed: bool = False
    env: dict[SSAValue, Value] = field(default_factory=dict)
    times: set[tuple[int, str]] = field(default_factory=set)

    def block(self, source: Block, target: Block) -> None:
        """Append the new form of every operation but the terminator."""
        for op in source.ops:
            if op is not source.last_op or not isinstance(op, rnn.YieldOp):
                self.operation(op, Emitter(op, InsertPoint.at_end(target)))

    def operation(self, op: Operation, emit: Emitter) -> None:
        """Append the new form of one operation."""
        if isinstance(op, rnn.ScanOp) and (self._ragged(op) or self._reads_rows(op)):
            self._scan(op, emit)
            return
        if not self._reads_rows(op):
            if self.lengths is not None:
                self._check_shared(op)
            mapper = {old: new for old, new in self.env.items() if isinstance(new, SSAValue)}
            emit.add(clone := op.clone(mapper))
            self.env.update(zip(op.results, clone.results, strict=True))
            return
        rule = RULES.get(type(op))
        if rule is None:
            raise refuse(
                op,
                "no exact form of this operation for several sequences is known",
                "leave batch-sequences out: one program a sequence, or the batch in the model's own inputs",
            )
        made = rule(op, [self.env[v] for v in op.operands], emit)
        if not isinstance(made.value, BlockArgument):
            made.value.name_hint = op.results[0].name_hint
        self.env[op.results[0]] = made

    def _reads_rows(self, op: Operation) -> bool:
        return any(isinstance(self.env.get(v), Rows) for inner in op.walk() for v in inner.operands)

    @staticmethod
    def _check_shared(op: Operation) -> None:
        """What is made of the run-time length alone belongs to no single sequence of a ragged batch."""
        if not isinstance(op, nn.ReduceOp | nn.ArgReduceOp | nn.DynamicSliceOp):
            return
        before, after = (set(filter(None, symbols_of(v))) for v in (op.operands[0], op.results[0]))
        if before - after:
            raise refuse(op, "it asks for the number of steps, which differs in a ragged batch")

    # Scans

    def _ragged(self, op: rnn.ScanOp) -> bool:
        """Whether the sequences of a scan end at lengths of their own."""
        if self.lengths is None:
            return False
        rows = [r for v in op.inputs if isinstance(r := self.env[v], Rows)]
        timed = bool(op.symbol.data) or any(r.time == 0 for r in rows)
        if timed and op.steps is not None:
            raise refuse(op, "its number of steps is computed, and the batch is ragged")
        if timed:
            self.times.add((op.count, op.symbol.data))
        return timed

    def _scan(self, op: rnn.ScanOp, emit: Emitter) -> None:
        lens = self._lens(op, emit)
        if op.steps is not None and isinstance(self.env[op.steps], Rows):
            raise refuse(op, "each sequence would run its own computed number of steps")
        by_row = lens is not None
        varying = self._varying(op, by_row)
        inputs, slices = [], []
        for argument, value in zip(op.slice_args, op.inputs, strict=True):
            made, row = self._sequence(op, type_of(argument), self.env[value], by_row, emit)
            inputs.append(made)
            slices.append(row)
        inits, places = [], []
        for value, argument in zip(op.inits, op.state_args, strict=True):
            made, place = self._state(op, self.env[value], argument in varying, by_row, emit)
            inits.append(made)
            places.append(place)
        block = Block(arg_types=[rnn.INDEX])
        block.args[0].name_hint = op.index.name_hint
        self.env[op.index] = block.args[0]
        for argument, place in zip(
            (*op.slice_args, *op.state_args), (*slices, *places), strict=True
        ):
            self._argument(block, argument, place)
        self.block(op.body.block, block)
        stacked = self._end(op, block, places, by_row)
        self._finish(op, emit, block, [inputs, inits], places, stacked, lens)

    def _lens(self, op: rnn.ScanOp, emit: Emitter) -> SSAValue | None:
        """The number of steps of each row, None when all are alike."""
        own = None
        if op.lens is not None:
            held = self.env[op.lens]
            if shape_of(op.lens)[0] != 1:
                raise refuse(
                    op,
                    f"it has {shape_of(op.lens)[0]} sequences already; compile the model for one (--shape)",
                )
            own = (
                held.put(emit, 0, True)
                if isinstance(held, Rows)
                else spread(emit, held, 0, True, self.size)
            )
        if not self._ragged(op):
            return own
        return self.lengths if own is None else emit.binary("min", own, self.lengths)  # type: ignore[arg-type]

    def _varying(self, op: rnn.ScanOp, by_row: bool) -> set[SSAValue]:
        """The values of the body that differ from sequence to sequence."""
        body = op.body.block
        varying: set[SSAValue] = set(op.state_args) if by_row else set()
        for argument, value in zip(
            (*op.slice_args, *op.state_args), (*op.inputs, *op.inits), strict=True
        ):
            if by_row or isinstance(self.env[value], Rows):
                varying.add(argument)
        while True:
            before = len(varying)
            for inner in body.ops:
                reads = [v for o in inner.walk() for v in o.operands]
                if any(v in varying or isinstance(self.env.get(v), Rows) for v in reads):
                    varying.update(inner.results)
            for argument, new in zip(op.state_args, op.yielded_states, strict=True):
                if new in varying or isinstance(self.env.get(new), Rows):
                    varying.add(argument)
            if len(varying) == before:
                return varying

    def _sequence(
        self, op: rnn.ScanOp, one: TensorType, value: Value, by_row: bool, emit: Emitter
    ) -> tuple[SSAValue, tuple[int, bool, int | None] | None]:
        """An input of the new scan, and where its slices have their rows."""
        if not isinstance(value, Rows):
            if not by_row:
                return value, None
            place = _first(one)
            return spread(emit, value, 1, place[1], self.size), (*place, None)
        if value.time not in (None, 0) and by_row:
            raise refuse(op, "the time of an input is not what it steps over, in a ragged batch")
        time = None if value.time in (None, 0) else value.time - 1
        axis, grown = value.axis - 1, value.grown
        if by_row or axis < 0:
            axis, grown = _first(one)
        return value.put(emit, axis + 1, grown), (axis, grown, time)

    def _state(
        self, op: rnn.ScanOp, value: Value, varies: bool, by_row: bool, emit: Emitter
    ) -> tuple[SSAValue, tuple[int, bool, None] | None]:
        if isinstance(value, Rows):
            if value.time is not None:
                raise refuse(op, "a state holds whole sequences, in a ragged batch")
            place = _first(value.one) if by_row else (value.axis, value.grown)
            return value.put(emit, *place), (*place, None)
        if not varies:
            return value, None
        place = _first(type_of(value))
        return spread(emit, value, *place, self.size), (*place, None)

    def _argument(
        self, block: Block, old: SSAValue, place: tuple[int, bool, int | None] | None
    ) -> None:
        one = type_of(old)
        kind = one if place is None else rows_type(one, place[0], place[1], self.size)
        new = block.insert_arg(kind, len(block.args))
        new.name_hint = old.name_hint
        self.env[old] = new if place is None else Rows(new, one, *place)

    def _end(
        self, op: rnn.ScanOp, block: Block, places: list, by_row: bool
    ) -> list[tuple[int, bool, int | None] | None]:
        """Append the terminator; gives where the outputs' slices have their rows."""
        emit = Emitter(op.terminator, InsertPoint.at_end(block))
        values: list[SSAValue] = []
        for value, place in zip(op.yielded_states, places, strict=True):
            values.append(self._placed(op, emit, value, place))
        stacked = []
        for value in op.yielded_outputs:
            made, place = self.env[value], None
            if isinstance(made, Rows):
                place = (*_first(made.one), None) if by_row else (made.axis, made.grown, made.time)
            elif by_row:
                place = (*_first(type_of(value)), None)
            stacked.append(place)
            values.append(self._placed(op, emit, value, place))
        end = rnn.YieldOp(*values)
        copy_node(op.terminator, end)
        block.add_op(end)
        return stacked

    def _placed(self, op: rnn.ScanOp, emit: Emitter, value: SSAValue, place) -> SSAValue:
        made = self.env[value]
        if place is None:
            assert isinstance(made, SSAValue)
            return made
        if not isinstance(made, Rows):
            return spread(emit, made, place[0], place[1], self.size)
        if made.time is not None and place[2] is None:
            raise refuse(op, "its step makes whole sequences, in a ragged batch")
        return made.put(emit, place[0], place[1])

    def _finish(
        self,
        op: rnn.ScanOp,
        emit: Emitter,
        block: Block,
        operands: Sequence[list[SSAValue]],
        places: list,
        stacked: list,
        lens: SSAValue | None,
    ) -> None:
        steps = None if op.steps is None else self.env[op.steps]
        assert not isinstance(steps, Rows)
        new = rnn.ScanOp.make(
            operands[0],
            operands[1],
            block,
            max_steps=op.count,
            symbol=op.symbol.data,
            lens=lens,
            steps=steps,
            input_reverse=op.input_flags,
            output_reverse=op.output_flags,
        )
        new.attributes |= op.attributes
        ragged = self._ragged(op)
        if ragged and self.packed and op.lens is None:
            new.attributes[PACKED_ATTR] = UnitAttr()
        emit.add(new)
        for old, made, place in zip(op.states, new.states, places, strict=True):
            self.env[old] = made if place is None else Rows(made, type_of(old), *place)
            made.name_hint = old.name_hint
        for old, made, place in zip(op.outputs, new.outputs, stacked, strict=True):
            made.name_hint = old.name_hint
            if place is None:
                self.env[old] = made
                continue
            axis, grown, time = place
            time = 0 if ragged else (None if time is None else time + 1)
            self.env[old] = Rows(made, type_of(old), axis + 1, grown, time)


def _first(one: TensorType) -> tuple[int, bool]:
    """Axis 0, grown where it can: what `lens` asks for."""
    shape = shape_of(one)
    return 0, bool(shape) and shape[0] == 1
