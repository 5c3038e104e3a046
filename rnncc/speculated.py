"""Counters that a program writes beside its outputs: how many words a generator has made in how many turns.

A counter is an output ``rnncc.speculated.NUMBER.WIDTH.NAME`` of type i64 [2]: words, and turns. The
runtime takes counters out of the outputs and puts them into the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncc.side_outputs import take_out

PREFIX = "rnncc.speculated."
"""How the name of a counter's output begins."""


@dataclass(frozen=True)
class Speculated:
    """What the guesses of one generator were worth in one run.

    Attributes:
        name: the ONNX node of the generator, or "" when it has none.
        width: guesses a turn.
        words: words made.
        turns: turns that they took.
    """

    name: str
    width: int
    words: int
    turns: int

    @property
    def words_a_turn(self) -> float:
        """Words made a turn, 1 to ``width + 1``."""
        return self.words / self.turns if self.turns else 0.0

    @property
    def accepted(self) -> float:
        """The share of the guesses that were right and used; a turn makes one word without a guess."""
        guesses = self.width * self.turns
        return (self.words - self.turns) / guesses if guesses else 0.0

    def __str__(self) -> str:
        where = f"'{self.name}'" if self.name else "the generator"
        return (
            f"speculate-words: {where} made {self.words} words in {self.turns} turns, "
            f"{self.words_a_turn:.2f} words a turn; {self.accepted:.0%} of {self.width} guesses a turn accepted"
        )

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "width": self.width,
            "words": self.words,
            "turns": self.turns,
            "words_a_turn": self.words_a_turn,
            "accepted": self.accepted,
        }


def turns_name(number: int, width: int, node: str) -> str:
    """The name of the output for generator `number` (from 0) of a program."""
    return f"{PREFIX}{number}.{width}.{node}"


def take_turns(
    outputs: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], list[Speculated]]:
    """The other outputs, and the counters."""
    own, found = take_out(outputs, PREFIX, 3)
    return own, [
        Speculated(node, int(width), words, turns) for (_, width, node), words, turns in found
    ]
