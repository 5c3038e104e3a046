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
from rnncc.passes._emit import Emitter


@dataclass
class Speculated:
    """What replaces a while.

    Attributes:
        results: the values of its results: states, the number of steps, outputs.
        turns: how many turns it took, a scalar i64 tensor.
    """

    results: list[SSAValue]
    turns: SSAValue


class Speculation:
    """Builds the while that commits up to ``width + 1`` steps of another one a turn.

    Its states are: the number n of committed words; the old states; what the draft remembers; and
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
        self.used = [k for k, v in enumerate(loop.outputs) if v.first_use is not None]

    def build(self) -> Speculated:
        """Insert the new while before the old one."""
        loop, emit = self.loop, Emitter(self.loop)
        self.limit = self._limit(emit)
        first = self.flat(emit, loop.inits[self.word], 1)
        remembered = self.draft.begin(emit, first)
        buffers = [self._buffer(emit, k) for k in self.used]
        zero = emit.constant(np.zeros((), np.int64))
        inits = [zero, *loop.inits, *remembered, *buffers]
        self.states = len(loop.inits)
        self.after_draft = 1 + self.states + len(remembered)
        types = [rnn.INDEX, *(v.type for v in inits)]
        condition, body = Block(arg_types=types), Block(arg_types=types)
        self._condition(condition)
        self._body(body)
        new = rnn.WhileOp.make(inits, condition, body, max_steps=loop.count)
        new.attributes |= loop.attributes
        emit.add(new)
        count = new.states[0]
        outputs: list[SSAValue] = list(loop.outputs)
        for k, buffer in zip(self.used, new.states[self.after_draft :], strict=True):
            outputs[k] = self._trimmed(emit, buffer, count)
        return Speculated([*new.states[1 : 1 + self.states], count, *outputs], new.done)

    def _limit(self, emit: Emitter) -> SSAValue:
        """The most steps: `steps` within 0 .. max_steps."""
        most = emit.constant(np.asarray(self.loop.count, np.int64))
        return most if self.loop.steps is None else emit.binary("min", self.loop.steps, most)

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
        count, *states = block.args[1 : 2 + self.states]
        again = self._goes_on(emit, count, states)
        within = emit(nn.CompareOp("lt", count, self.limit))
        block.add_op(rnn.YieldOp(emit.binary("and", again, within)))

    def _goes_on(self, emit: Emitter, index: SSAValue, states: Sequence[SSAValue]) -> SSAValue:
        """A copy of the old loop's condition."""
        loop = self.loop
        return inline(loop.condition.block, [index, *states], emit)[0]

    def _body(self, block: Block) -> None:
        emit = Emitter(self.loop, InsertPoint.at_end(block))
        count, *rest = block.args[1:]
        states = rest[: self.states]
        remembered = rest[self.states : self.after_draft - 1]
        buffers = rest[self.after_draft - 1 :]
        words, targets = self._guesses(emit, states[self.word], remembered)
        at = emit.binary("add", self._counting(emit), count)
        after = emit.binary("add", at, emit.constant(np.ones((), np.int64)))
        scan = self._run(emit, words, at, after, states)
        made, goes_on, *stacked = scan.outputs
        guesses = self.flat(emit, made, self.rows)
        within = emit(nn.CompareOp("lt", after, self.limit))
        ends = emit(nn.UnaryOp("not", emit.binary("and", goes_on, within)))
        wrong = emit(nn.CompareOp("ne", guesses, targets))
        right = emit(nn.ArgReduceOp("argmax", emit.binary("or", wrong, ends), 0))
        new = {k: row_of(emit, v, right) for k, v in zip(self.carried, stacked, strict=False)}
        new[self.word] = row_of(emit, made, right)
        turn = Turn(words, guesses, right, count)
        remembered = self.draft.next(emit, remembered, turn)
        rows = stacked[len(self.carried) :]
        buffers = [
            emit(nn.DynamicUpdateOp(buffer, value, count, 0))
            for buffer, value in zip(buffers, rows, strict=True)
        ]
        ordered = [new[k] for k in range(self.states)]
        block.add_op(rnn.YieldOp(row_of(emit, after, right), *ordered, *remembered, *buffers))

    def _guesses(
        self, emit: Emitter, word: SSAValue, remembered: Sequence[SSAValue]
    ) -> tuple[SSAValue, SSAValue]:
        """The words to run, and those that the step should make of them; no word is right at last."""
        none = emit.constant(np.full(1, -1, numpy_dtype(self.kind.get_element_type())))
        line = emit(nn.ConcatOp([self.flat(emit, word, 1), remembered[0], none], 0))
        return emit.part(line, 0, 0, self.rows), emit.part(line, 0, 1, self.rows)

    def _counting(self, emit: Emitter) -> SSAValue:
        return emit.constant(np.arange(self.rows))

    def _run(
        self,
        emit: Emitter,
        words: SSAValue,
        at: SSAValue,
        after: SSAValue,
        states: Sequence[SSAValue],
    ) -> rnn.ScanOp:
        """A scan of the step over the words.

        Its outputs are the words made, whether the loop goes on behind each, the carried states
        and the used outputs.
        """
        loop = self.loop
        shape = (self.rows, *self.kind.get_shape())
        shaped = emit.reshape(words, shape, ("",) * len(shape))
        inits = [states[k] for k in self.carried]
        types = [rnn.INDEX, self.kind, rnn.INDEX, rnn.INDEX, *(v.type for v in inits)]
        block = Block(arg_types=types)
        _, word, index, next_index, *old = block.args
        inside = emit.inside(block)
        arguments = dict(zip(self.carried, old, strict=True)) | {self.word: word}
        made = inline(loop.body.block, [index, *(arguments[k] for k in range(self.states))], inside)
        new, outputs = made[: self.states], made[self.states :]
        goes_on = self._goes_on(inside, next_index, new)
        carried = [new[k] for k in self.carried]
        kept = [outputs[k] for k in self.used]
        block.add_op(rnn.YieldOp(*carried, new[self.word], goes_on, *carried, *kept))
        scan = rnn.ScanOp.make([shaped, at, after], inits, block, max_steps=self.rows)
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
