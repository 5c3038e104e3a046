"""Guesses from a table of n-grams, looked up on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.passes._drafts import Draft, Turn, row_of
from rnncc.passes._emit import Emitter
from rnncc.passes._ngrams import FACTOR, UNKNOWN, Tables


@dataclass
class NgramDraft(Draft):
    """The likeliest `width` words behind the last ones: one gathered row for each order.

    The rows for every word that a turn has made are fetched while it is found out which of them are
    right; one of them is then taken. The longest context that its table holds decides.
    """

    tables: Tables

    @property
    def before(self) -> int:
        """How many words before the last one are part of the longest context."""
        return self.tables.order - 2

    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """Nothing is known of the text before the first word."""
        if not self.before:
            return [emit.squeeze(self._look_up(emit, word, 0, word), 0)]
        dtype = numpy_dtype(type_of(word).get_element_type())
        past = emit.constant(np.full(self.before, UNKNOWN, dtype))
        return [emit.squeeze(self._look_up(emit, past, self.before, word), 0), past]

    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """The row behind the last right word."""
        if not self.before:
            return [row_of(emit, self._look_up(emit, turn.words, 1, turn.made), turn.right)]
        # The words before made[j] are words[j], words[j - 1], ...: they are right where made[j] counts.
        past = emit(nn.ConcatOp([old[1], turn.words], 0))
        found = self._look_up(emit, past, self.before + 1, turn.made)
        behind = emit.part(past, 0, 1, shape_of(past)[0] - 1)
        kept = emit(nn.DynamicSliceOp(behind, turn.right, 0, self.before))
        return [row_of(emit, found, turn.right), kept]

    def _look_up(self, emit: Emitter, past: SSAValue, end: int, last: SSAValue) -> SSAValue:
        """Guesses [rows, width] behind `rows` texts.

        Args:
            past: words one after the other.
            last: the last words, [rows]; that of text j stands behind ``past[.. end + j - 1]``.
        """
        (rows,) = shape_of(last)
        kind = numpy_dtype(type_of(last).get_element_type())
        found = emit(nn.GatherOp(emit.constant(self.tables.pairs.astype(kind)), last, 0))
        for length, table in self.tables.longer.items():
            start = end - (length - 1)
            words = [emit.part(past, 0, start + k, rows) for k in range(length - 1)]
            found = self._longer(emit, table.astype(kind), [*words, last], found)
        return found

    def _longer(
        self, emit: Emitter, table: np.ndarray, context: list[SSAValue], shorter: SSAValue
    ) -> SSAValue:
        """The guesses of a hashed table where it holds the context, else those of the shorter one."""
        factor = emit.constant(np.asarray(FACTOR, table.dtype))
        mask = emit.constant(np.asarray(len(table) - 1, table.dtype))
        slot = context[0]
        for word in context[1:]:
            slot = emit.binary("add", emit.binary("mul", slot, factor), word)
            slot = emit.binary("and", slot, mask)
        row = emit(nn.GatherOp(emit.constant(table), slot, 0))
        key = emit(nn.ConcatOp([emit.unsqueeze(word, 1) for word in context], 1))
        same = emit(nn.CompareOp("eq", emit.part(row, 1, 0, len(context)), key))
        held = emit(nn.ReduceOp("min", same, [1], keepdims=True))
        guesses = emit.part(row, 1, len(context), shape_of(shorter)[1])
        return emit(nn.SelectOp(held, guesses, shorter))
