"""``rnncc.generation`` on a function: which of its inputs make a generator go."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, i64
from xdsl.ir import Operation

from rnncc.dialects._attribute_table import AttributeTable, number_list

GENERATION_ATTR = "rnncc.generation"
"""``{prompt, limit, uniform, states, vocabulary, longest, stop}``, as in :class:`GenerationSignature`."""


@dataclass(frozen=True)
class GenerationSignature:
    """The inputs of a generator by number; its first two outputs are the tokens and their count.

    Attributes:
        prompt: the tokens that come first, [length] of a run-time length.
        limit: how many tokens to generate at most.
        uniform: numbers in [0, 1) that sampling uses up, one a token; -1 when it is greedy.
        states: the initial states.
        vocabulary: the number of words; tokens are below it.
        longest: the most tokens that the program can generate.
        stop: the token after which generation ends, -1 for none.
    """

    prompt: int
    limit: int
    uniform: int
    states: tuple[int, ...]
    vocabulary: int
    longest: int
    stop: int

    def attribute(self) -> DictionaryAttr:
        """The attribute; :func:`generation_of` reads it back."""
        numbers = {name: IntegerAttr(getattr(self, name), i64) for name in _NUMBERS}
        return DictionaryAttr({**numbers, "states": number_list(self.states)})


_NUMBERS = ("prompt", "limit", "uniform", "vocabulary", "longest", "stop")


def generation_of(function: Operation) -> GenerationSignature | None:
    """What a function generates; None when it is no generator.

    Raises:
        VerifyException: an entry of the attribute is missing or of another type.
    """
    if GENERATION_ATTR not in function.attributes:
        return None
    table = AttributeTable(function, GENERATION_ATTR)
    numbers = {name: table.number(name) for name in _NUMBERS}
    return GenerationSignature(**numbers, states=table.numbers("states"))
