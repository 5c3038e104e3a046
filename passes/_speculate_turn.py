"""One turn of a speculated rnn.while: run the step over drafted words, keep the right ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import Block, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import numpy_dtype, shape_of, tensor_type, type_of
from rnncc.passes._drafts import Draft, Turn, row_of
from rnncc.passes._emit import Emitter, constant_of


@dataclass
class Speculated:
    """What replaces a while.

    Attributes:
        results: the values of its results: states, the number of steps, outputs.
        count: how many steps were done, a scalar i64 tensor.
        turns: how many turns they took, a scalar i64 tensor.
    """

    results: list[SSAValue]
    count: SSAValue
    turns: SSAValue


@dataclass
class _Parts:
    """The states of the new while: see `Speculation`."""

    count: SSAValue
    room: SSAValue
    carried: list[SSAValue]
    line: SSAValue
    private: list[SSAValue]
    buffers: list[SSAValue]


class Speculation:
    """Builds the while that commits up to ``width + 1`` steps of another one a turn.

    Its states are: the number of committed words, and how many may follow after the next one; the
    old states but the word; a line of the word, the guesses and -1; what else the draft remembers; and
    for each stacked output that is used a buffer of ``max_steps + width`` rows.

    Args:
        loop: the while, which stays in place.
        word: the number of its state that is the word.
        draft: makes the guesses.
        width: guesses a turn.
    """

    def __init__(self, loop: rnn.WhileOp, word: int, draft: Draft, width: int):
        self.loop, self.word, self.draft, self.width = loop, word, draft, width
        self.rows = width + 1
        self.kind = type_of(loop.inits[word])
        self.carried = [k for k in range(len(loop.inits)) if k != word]
        self.always = _holds(loop.test.arguments[0])
        self.used = [k for k, v in enumerate(loop.outputs) if v.first_use is not None]

    def build(self) -> Speculated:
        """Insert the new while before the old one."""
        loop, emit = self.loop, Emitter(self.loop)
        first = self.flat(emit, loop.inits[self.word], 1)
        guesses, *private = self.draft.begin(emit, first)
        line = self._line(emit, first, guesses)
        buffers = [self._buffer(emit, k) for k in self.used]
        zero = emit.constant(np.zeros((), np.int64))
        carried = [loop.inits[k] for k in self.carried]
        inits = [zero, self._room(emit), *carried, line, *private, *buffers]
        self.private = len(private)
        types = [rnn.INDEX, *(v.type for v in inits)]
        condition, body = Block(arg_types=types), Block(arg_types=types)
        self._condition(condition)
        self._body(body)
        new = rnn.WhileOp.make(inits, condition, body, max_steps=loop.count)
        new.attributes |= loop.attributes
        emit.add(new)
        found = self._parts(new.states)
        outputs: list[SSAValue] = list(loop.outputs)
        for k, buffer in zip(self.used, found.buffers, strict=True):
            outputs[k] = self._trimmed(emit, buffer, found.count)
        states = self._states(emit, found)
        return Speculated([*states, found.count, *outputs], found.count, new.done)

    def _parts(self, values: Sequence[SSAValue]) -> _Parts:
        """The states, or what stands for them, by their meaning."""
        count, room, *rest = values
        carried, (line, *rest) = rest[: len(self.carried)], rest[len(self.carried) :]
        return _Parts(count, room, carried, line, rest[: self.private], rest[self.private :])

    def _line(self, emit: Emitter, word: SSAValue, guesses: SSAValue) -> SSAValue:
        """A word, [1], the guesses behind it, and -1, which no word is: [rows + 1]."""
        none = emit.constant(np.full(1, -1, numpy_dtype(self.kind.get_element_type())))
        return emit(nn.ConcatOp([word, guesses, none], 0))

    def _states(self, emit: Emitter, parts: _Parts) -> list[SSAValue]:
        """The old loop's states."""
        states = dict(zip(self.carried, parts.carried, strict=True))
        word = emit.part(parts.line, 0, 0, 1)
        shape = self.kind.get_shape()
        states[self.word] = emit.reshape(word, shape, ("",) * len(shape))
        return [states[k] for k in range(len(states))]

    def _room(self, emit: Emitter) -> SSAValue:
        """The most steps, less one: ``steps`` within max_steps, from -1 on."""
        one = emit.constant(np.ones((), np.int64))
        most = emit.constant(np.asarray(self.loop.count, np.int64))
        if self.loop.steps is not None:
            zero = emit.constant(np.zeros((), np.int64))
            most = emit.binary("max", emit.binary("min", self.loop.steps, most), zero)
        return emit.binary("sub", most, one)

    def _buffer(self, emit: Emitter, output: int) -> SSAValue:
        kind = type_of(self.loop.yielded_outputs[output])
        shape = (self.loop.count + self.width, *kind.get_shape())
        return emit.constant(np.zeros(shape, numpy_dtype(kind.get_element_type())))

    def _trimmed(self, emit: Emitter, buffer: SSAValue, count: SSAValue) -> SSAValue:
        """An output without the rows that were guessed wrong, or lie beyond the last step."""
        rows = emit.part(buffer, 0, 0, self.loop.count)
        ones = [1] * (len(shape_of(rows)) - 1)
        times = emit(nn.IotaOp(tensor_type(i64, [self.loop.count, *ones]), 0))
        reached = emit(nn.CompareOp("lt", times, count))
        return emit(nn.SelectOp(reached, rows, emit.scalar(0, type_of(rows).element_type)))

    def flat(self, emit: Emitter, words: SSAValue, count: int) -> SSAValue:
        """Words as [count]."""
        return emit.reshape(words, (count,), ("",))

    # The regions

    def _condition(self, block: Block) -> None:
        """As in the old loop, and while there are words to make."""
        emit = Emitter(self.loop, InsertPoint.at_end(block))
        parts = self._parts(block.args[1:])
        within = emit(nn.CompareOp("ge", parts.room, emit.constant(np.zeros((), np.int64))))
        if not self.always:
            again = self._goes_on(emit, parts.count, self._states(emit, parts))
            within = emit.binary("and", again, within)
        block.add_op(rnn.YieldOp(within))

    def _goes_on(self, emit: Emitter, index: SSAValue, states: Sequence[SSAValue]) -> SSAValue:
        """A copy of the old loop's condition."""
        loop = self.loop
        return inline(loop.condition.block, [index, *states], emit)[0]

    def _body(self, block: Block) -> None:
        emit = Emitter(self.loop, InsertPoint.at_end(block))
        old = self._parts(block.args[1:])
        words = emit.part(old.line, 0, 0, self.rows)
        scan = self._run(emit, words, old.count, old.carried)
        made, *stacked = scan.outputs
        again: list[SSAValue] = [] if self.always else [stacked.pop(0)]
        right = self._right(emit, old, self.flat(emit, made, self.rows), again)
        turn = Turn(words, self.flat(emit, made, self.rows), right, old.count)
        guesses, *private = self.draft.next(emit, old.private, turn)
        word = self.flat(emit, row_of(emit, turn.made, right), 1)
        carried = [row_of(emit, v, right) for v in stacked[: len(self.carried)]]
        buffers = [
            emit(nn.DynamicUpdateOp(buffer, value, old.count, 0))
            for buffer, value in zip(old.buffers, stacked[len(self.carried) :], strict=True)
        ]
        one = emit.constant(np.ones((), np.int64))
        count = emit.binary("add", emit.binary("add", old.count, right), one)
        room = emit.binary("sub", emit.binary("sub", old.room, right), one)
        line = self._line(emit, word, guesses)
        block.add_op(rnn.YieldOp(count, room, *carried, line, *private, *buffers))

    def _right(self, emit: Emitter, old: _Parts, made: SSAValue, again: list[SSAValue]) -> SSAValue:
        """The row of the last right word: that of the first wrong guess, or where the loop ends."""
        wrong = emit(nn.CompareOp("ne", made, emit.part(old.line, 0, 1, self.rows)))
        for value in again:
            wrong = emit.binary("or", wrong, emit(nn.UnaryOp("not", value)))
        return emit.binary("min", emit(nn.ArgReduceOp("argmax", wrong, 0)), old.room)

    def _numbers(self, emit: Emitter, count: SSAValue, first: int, most: int) -> SSAValue:
        """The numbers ``first + count + (0 .. rows - 1)`` of steps, at most `most`, [rows]."""
        # Steps beyond the last are thrown away; what they read by their number must be there.
        numbers = emit.binary("add", emit.constant(np.arange(first, first + self.rows)), count)
        return emit.binary("min", numbers, emit.constant(np.asarray(most, np.int64)))

    def _run(
        self, emit: Emitter, words: SSAValue, count: SSAValue, inits: Sequence[SSAValue]
    ) -> rnn.ScanOp:
        """A scan of the step over the words.

        Its outputs are the words made, whether the loop goes on behind each (unless it always does),
        the carried states and the used outputs.
        """
        loop = self.loop
        shape = (self.rows, *self.kind.get_shape())
        inputs = [emit.reshape(words, shape, ("",) * len(shape))]
        counted = (
            loop.index.first_use is not None,
            loop.condition.block.args[0].first_use is not None,
        )
        last = loop.count - 1
        inputs += [self._numbers(emit, count, k, last + k) for k in (0, 1) if counted[k]]
        numbers = [rnn.INDEX] * sum(counted)
        block = Block(arg_types=[rnn.INDEX, self.kind, *numbers, *(v.type for v in inits)])
        number, word, *rest = block.args
        index = rest.pop(0) if counted[0] else number
        next_index = rest.pop(0) if counted[1] else number
        inside = emit.inside(block)
        arguments = dict(zip(self.carried, rest, strict=True)) | {self.word: word}
        count_of_states = len(arguments)
        states = [arguments[k] for k in range(count_of_states)]
        made = inline(loop.body.block, [index, *states], inside)
        new, outputs = made[:count_of_states], made[count_of_states:]
        again = [] if self.always else [self._goes_on(inside, next_index, new)]
        carried = [new[k] for k in self.carried]
        kept = [outputs[k] for k in self.used]
        block.add_op(rnn.YieldOp(*carried, new[self.word], *again, *carried, *kept))
        scan = rnn.ScanOp.make(inputs, inits, block, max_steps=self.rows)
        emit.add(scan)
        return scan


def inline(block: Block, arguments: Sequence[SSAValue], emit: Emitter) -> list[SSAValue]:
    """Copy a block's operations to where `emit` inserts; gives what its terminator yields."""
    mapping: dict[SSAValue, SSAValue] = dict(zip(block.args, arguments, strict=True))
    end = block.last_op
    assert end is not None
    for op in block.ops:
        if op is not end:
            emit.add(op.clone(mapping))
    return [mapping.get(value, value) for value in end.operands]


def _holds(condition: SSAValue) -> bool:
    """Whether a condition is known to be true."""
    value = constant_of(condition)
    return value is not None and bool(value.all())
