"""Guesses from a table of n-grams, looked up on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.passes._drafts import Draft, Turn, row_of
from rnncc.passes._emit import Emitter
from rnncc.passes._ngrams import FACTOR, UNKNOWN, Table


@dataclass
class NgramDraft(Draft):
    """The likeliest `width` words behind the last ones: one row of a table.

    It remembers, for n-grams of four words and more, the words before the last two.

    Args:
        table: what is looked up.
        near: whether the table is small enough for vector memory, where the row behind the last right
            word is read at once, by an address that registers make. Others are gathered from off-chip
            memory: the rows for every word of a turn, while it is found out which of them are right.
    """

    table: Table
    near: bool

    @property
    def earlier(self) -> int:
        """How many words before the last two decide about the row."""
        return max(0, self.table.order - 3)

    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """Nothing is known of the text before the first word."""
        dtype = numpy_dtype(type_of(word).get_element_type())
        unknown = emit.constant(np.full(max(0, self.table.order - 2), UNKNOWN, dtype))
        past = [emit.part(unknown, 0, k, 1) for k in range(self.table.order - 2)]
        guesses = self._gathered(emit, self._index(emit, past, word), word)
        kept = [emit.part(unknown, 0, 0, self.earlier)] if self.earlier else []
        return [emit.squeeze(guesses, 0), *kept]

    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """The row behind the last right word."""
        # The words before made[j] are words[j], words[j - 1], ...: right where made[j] counts.
        line = emit(nn.ConcatOp([old[0], turn.words], 0)) if old else turn.words
        (rows,) = shape_of(turn.made)
        past = [emit.part(line, 0, k, rows) for k in range(self.table.order - 2)]
        if self.near:
            here = [row_of(emit, words, turn.right) for words in (*past, turn.made)]
            guesses = self._read(emit, self._index(emit, here[:-1], here[-1]), turn.made)
        else:
            index = self._index(emit, past, turn.made)
            guesses = row_of(emit, self._gathered(emit, index, turn.made), turn.right)
        if not old:
            return [guesses]
        behind = emit.part(line, 0, 1, self.earlier + rows - 1)
        return [guesses, emit(nn.DynamicSliceOp(behind, turn.right, 0, self.earlier))]

    def _index(self, emit: Emitter, past: list[SSAValue], last: SSAValue) -> SSAValue:
        """The rows behind texts that end with `last`, and before it with each of `past`."""
        kind = numpy_dtype(type_of(last).get_element_type())
        classes = self.table.classes
        if classes == 1 or not past:
            return last
        factor, mask, size = (emit.constant(np.asarray(n, kind)) for n in (FACTOR, classes - 1, classes))  # fmt: skip
        found = past[0]
        for word in past[1:]:
            found = emit.binary("add", emit.binary("mul", found, factor), word)
        found = emit.binary("and", found, mask)
        return emit.binary("add", emit.binary("mul", last, size), found)

    def _gathered(self, emit: Emitter, index: SSAValue, like: SSAValue) -> SSAValue:
        """Rows [n, width], in the type of the words `like`."""
        found = emit(nn.GatherOp(emit.constant(self.table.rows), index, 0))
        return emit(nn.CastOp(found, type_of(like).get_element_type()))

    def _read(self, emit: Emitter, index: SSAValue, like: SSAValue) -> SSAValue:
        """One row [width] from vector memory."""
        index = (
            emit(nn.CastOp(index, rnn.INDEX.get_element_type()))
            if index.type != rnn.INDEX
            else index
        )
        row = emit(nn.DynamicSliceOp(emit.constant(self.table.rows), index, 0, 1))
        return emit(nn.CastOp(emit.squeeze(row, 0), type_of(like).get_element_type()))
