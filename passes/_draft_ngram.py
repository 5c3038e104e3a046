"""Guesses from a table of n-grams, looked up on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.passes._drafts import Draft, Turn, row_of
from rnncc.passes._emit import Emitter
from rnncc.passes._ngrams import FACTOR, UNKNOWN, Tables


@dataclass
class NgramDraft(Draft):
    """The likeliest `width` words behind the last ones: one row for each order, of which the longest holds.

    Args:
        tables: what is looked up.
        near: whether the tables are small enough for vector memory, where the row behind the last
            right word is read at once. Others are gathered from off-chip memory: then the rows for every
            word that a turn has made are fetched while it is found out which of them are right.
    """

    tables: Tables
    near: bool

    @property
    def before(self) -> int:
        """How many words before the last one are part of the longest context."""
        return self.tables.order - 2

    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """Nothing is known of the text before the first word."""
        dtype = numpy_dtype(type_of(word).get_element_type())
        past = [emit.constant(np.full(self.before, UNKNOWN, dtype))] if self.before else []
        return [emit.squeeze(self._fetched(emit, past, word), 0), *past]

    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """The row behind the last right word."""
        past = []
        if self.before:
            # The words before made[j] are words[j], words[j - 1], ...: right where made[j] counts.
            past = [emit(nn.ConcatOp([old[1], turn.words], 0))]
        if self.near:
            guesses = self._picked(emit, past, turn)
        else:
            guesses = row_of(emit, self._fetched(emit, past, turn.made), turn.right)
        if not past:
            return [guesses]
        behind = emit.part(past[0], 0, 1, shape_of(past[0])[0] - 1)
        return [guesses, emit(nn.DynamicSliceOp(behind, turn.right, 0, self.before))]

    def _slots(self, emit: Emitter, context: list[SSAValue], size: int) -> SSAValue:
        """The slots of contexts in a table of `size` slots; each of `context` is a word of all of them."""
        kind = numpy_dtype(type_of(context[0]).get_element_type())
        factor, mask = (emit.constant(np.asarray(n, kind)) for n in (FACTOR, size - 1))
        slot = context[0]
        for word in context[1:]:
            slot = emit.binary("add", emit.binary("mul", slot, factor), word)
            slot = emit.binary("and", slot, mask)
        return slot

    def _chosen(self, emit: Emitter, rows: SSAValue, key: SSAValue, shorter: SSAValue) -> SSAValue:
        """The guesses of rows that hold their context `key`, else those of the shorter context."""
        (*_, length), axis = shape_of(key), len(shape_of(key)) - 1
        same = emit(nn.CompareOp("eq", emit.part(rows, axis, 0, length), key))
        held = emit(nn.ReduceOp("min", same, [axis], keepdims=True))
        guesses = emit.part(rows, axis, length, shape_of(shorter)[axis])
        return emit(nn.SelectOp(held, guesses, shorter))

    def _fetched(self, emit: Emitter, past: list[SSAValue], last: SSAValue) -> SSAValue:
        """Guesses [rows, width] behind texts that end with `last`, [rows], gathered.

        Args:
            past: the words of the texts but the last ones, one after the other, if contexts have any:
                one more for each row after the first.
        """
        (rows,) = shape_of(last)

        def gathered(table: np.ndarray, index: SSAValue) -> SSAValue:
            found = emit(nn.GatherOp(emit.constant(table), index, 0))
            return emit(nn.CastOp(found, type_of(last).get_element_type()))

        found = gathered(self.tables.pairs, last)
        for length, table in self.tables.longer.items():
            context = [*self._words_before(emit, past[0], length, rows), last]
            key = emit(nn.ConcatOp([emit.unsqueeze(word, 1) for word in context], 1))
            slots = self._slots(emit, context, len(table))
            found = self._chosen(emit, gathered(table, slots), key, found)
        return found

    def _words_before(
        self, emit: Emitter, past: SSAValue, length: int, rows: int
    ) -> list[SSAValue]:
        """The words of contexts of `length` words but the last, each [rows]."""
        start = shape_of(past)[0] - rows - (length - 2)
        return [emit.part(past, 0, start + k, rows) for k in range(length - 1)]

    def _picked(self, emit: Emitter, past: list[SSAValue], turn: Turn) -> SSAValue:
        """Guesses [width] behind the last right word, from tables in vector memory."""
        (rows,) = shape_of(turn.made)
        element = type_of(turn.made).get_element_type()
        word = emit(nn.DynamicSliceOp(turn.made, turn.right, 0, 1))

        def picked(table: np.ndarray, index: SSAValue) -> SSAValue:
            start = index if type_of(index).element_type == i64 else emit(nn.CastOp(index, i64))
            return emit(nn.CastOp(row_of(emit, emit.constant(table), start), element))

        found = picked(self.tables.pairs, emit.squeeze(word, 0))
        for length, table in self.tables.longer.items():
            context = [*self._words_before(emit, past[0], length, rows), turn.made]
            slot = row_of(emit, self._slots(emit, context, len(table)), turn.right)
            first = shape_of(past[0])[0] - rows - (length - 2)
            tail = emit.part(past[0], 0, first, rows + length - 2)
            lead = emit(nn.DynamicSliceOp(tail, turn.right, 0, length - 1))
            key = emit(nn.ConcatOp([lead, word], 0))
            found = self._chosen(emit, picked(table, slot), key, found)
        return found
