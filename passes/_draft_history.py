"""Guesses from the text itself: what followed the last words when they occurred before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.passes._drafts import Draft, Turn, row_of
from rnncc.passes._emit import Emitter


@dataclass
class HistoryDraft(Draft):
    """The words behind the last earlier place of the last two words, else of the last one.

    A place with `width` words behind it goes before a later one with fewer. Where the last word is
    new the guesses are any words of the text.

    Args:
        longest: the most words that are generated.
        width: how many words are guessed.
    """

    longest: int
    width: int

    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """The text is one word; what follows is guessed to be that word again."""
        kind = numpy_dtype(type_of(word).get_element_type())
        rest = emit.constant(np.zeros(self.longest + self.width, kind))
        return [self._repeated(emit, word), emit(nn.ConcatOp([word, rest], 0))]

    def _repeated(self, emit: Emitter, word: SSAValue) -> SSAValue:
        zeros = np.zeros(self.width, numpy_dtype(type_of(word).get_element_type()))
        return emit.binary("add", emit.constant(zeros), word)

    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """The text with the words that were made; those behind the last right one are overwritten next."""
        one = emit.constant(np.ones((), np.int64))
        first = emit.binary("add", turn.count, one)
        text = emit(nn.DynamicUpdateOp(old[1], turn.made, first, 0))
        last = emit.binary("add", first, turn.right)
        before, word = (row_of(emit, v, turn.right) for v in (turn.words, turn.made))
        score = self._scores(emit, text, before, word, last)
        place = emit(nn.ArgReduceOp("argmax", score, 0, select_last=True))
        behind = emit.binary("add", place, one)
        return [emit(nn.DynamicSliceOp(text, behind, 0, self.width)), text]

    def _scores(
        self, emit: Emitter, text: SSAValue, before: SSAValue, word: SSAValue, last: SSAValue
    ) -> SSAValue:
        """For each place but the last how good a match it is: 0 to 3, i32 [places].

        Args:
            before: the last word but one.
            word: the last word, at place `last` of the text.
        """
        (size,) = shape_of(text)
        places = size - self.width
        lines = emit.part(text, 0, 0, places)
        here = emit(nn.CompareOp("eq", lines, word))
        lead = emit(nn.CompareOp("eq", emit.part(text, 0, 0, places - 1), before))
        lead = emit(nn.ConcatOp([emit.constant(np.zeros(1, np.bool_)), lead], 0))
        both = emit.binary("and", here, lead)
        numbers = emit.constant(np.arange(places))
        earlier = emit(nn.CompareOp("lt", numbers, last))
        full = emit(nn.CompareOp("le", emit.constant(np.arange(places) + self.width), last))
        kinds = [emit.binary("and", v, earlier) for v in (here, both)]
        kinds.append(emit.binary("and", both, full))
        first, second, third = (emit(nn.CastOp(v, i32)) for v in kinds)
        return emit.binary("add", emit.binary("add", first, second), third)
