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
    """The words behind the last earlier place of the last two words; at the end of the text, from that place on again.

    A text that repeats itself is so continued whatever its period is. Where the two words are new,
    another draft guesses, or without one the last earlier place of the last word decides.

    It remembers: the guesses, the text, and what the other draft remembers.

    Args:
        longest: the most words that are generated.
        width: how many words are guessed.
        other: guesses where the text does not help.
    """

    longest: int
    width: int
    other: Draft | None = None

    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """The text is one word, behind which another draft guesses, or that word again."""
        kind = numpy_dtype(type_of(word).get_element_type())
        rest = emit.constant(np.zeros(self.longest + self.width + 1, kind))
        text = emit(nn.ConcatOp([word, rest], 0))
        if self.other is None:
            zeros = emit.constant(np.zeros(self.width, kind))
            return [emit.binary("add", zeros, word), text]
        guesses, *private = self.other.begin(emit, word)
        return [guesses, text, *private]

    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """The text with the words that were made; those behind the last right one are overwritten next."""
        first = emit.binary("add", turn.count, emit.constant(np.ones((), np.int64)))
        here, both = self._matches(emit, old[0], turn)
        if self.other is None:
            both = emit.binary("add", *(emit(nn.CastOp(v, i32)) for v in (here, both)))
        match = emit(nn.ArgReduceOp("argmax", both, 0, select_last=True))
        text = emit(nn.DynamicUpdateOp(old[0], turn.made, first, 0))
        guesses = self._from(emit, text, match, emit.binary("add", turn.count, turn.right))
        if self.other is None:
            return [guesses, text]
        others, *private = self.other.next(emit, old[1:], turn)
        found = emit(nn.GatherOp(both, match, 0))
        return [emit(nn.SelectOp(found, guesses, others)), text, *private]

    def _matches(self, emit: Emitter, text: SSAValue, turn: Turn) -> tuple[SSAValue, SSAValue]:
        """Whether the last word, and the last two, are at each place from the second on, [longest + 1].

        The text as it was before the turn is searched, so that this need not wait for the new one; the
        last of its places never matches, nor does what lies behind.
        """
        before, word = (row_of(emit, v, turn.right) for v in (turn.words, turn.made))
        places = self.longest + 1
        earlier = emit(nn.CompareOp("lt", emit.constant(np.arange(1, places + 1)), turn.count))
        here = emit(nn.CompareOp("eq", emit.part(text, 0, 1, places), word))
        lead = emit(nn.CompareOp("eq", emit.part(text, 0, 0, places), before))
        here = emit.binary("and", here, earlier)
        return here, emit.binary("and", lead, here)

    def _from(self, emit: Emitter, text: SSAValue, match: SSAValue, last: SSAValue) -> SSAValue:
        """The words behind a place, from there to the end of the text over and over.

        Args:
            match: the number of the place, counted from the second on; ``longest`` when there is none.
            last: the number of the last word of the text, counted likewise.
        """
        # Behind no place the period is below zero: the numbers are still those of places.
        period = emit.binary("sub", last, match)
        steps = emit.binary("mod", emit.constant(np.arange(self.width)), period)
        behind = emit.part(text, 0, 2, shape_of(text)[0] - 2)
        return emit(nn.GatherOp(behind, emit.binary("add", steps, match), 0))
