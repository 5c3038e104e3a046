"""Where guesses come from: what a draft remembers from turn to turn, and how it goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.passes._emit import Emitter


@dataclass(frozen=True)
class Turn:
    """What a turn has run.

    Attributes:
        words: the words that went into the step, [rows]: the last committed one, then the guesses.
        made: the words that the step made of them, [rows].
        right: the row of the last right word, a scalar i64 tensor: ``made[0 .. right]`` are committed.
        count: the number of words that were committed before the turn, a scalar i64 tensor.
    """

    words: SSAValue
    made: SSAValue
    right: SSAValue
    count: SSAValue


class Draft(ABC):
    """Guesses the `width` words behind a text. A guess may be wrong, but must be a word."""

    @abstractmethod
    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """Before the first turn: the first `width` guesses, [width], and what is to be remembered.

        Args:
            word: the word that the text begins with, [1].
        """

    @abstractmethod
    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """After a turn: the next guesses, and what is to be remembered.

        Args:
            old: what was remembered, as `begin` or the last `next` gave it behind the guesses.
        """


def row_of(emit: Emitter, stacked: SSAValue, row: SSAValue) -> SSAValue:
    """One row, by a scalar i64 tensor, of stacked values: moved by DMA, which waits for no register."""
    return emit(nn.GatherOp(stacked, row, 0))
