"""``rnncc.generation`` on a function: which of its inputs make a generator go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, IntegerAttr, i64
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

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
        return DictionaryAttr({**numbers, "states": _list(self.states)})


_NUMBERS = ("prompt", "limit", "uniform", "vocabulary", "longest", "stop")


def generation_of(function: Operation) -> GenerationSignature | None:
    """What a function generates; None when it is no generator.

    Raises:
        VerifyException: the attribute is malformed.
    """
    table = function.attributes.get(GENERATION_ATTR)
    if table is None:
        return None
    try:
        assert isinstance(table, DictionaryAttr)
        numbers: dict[str, int] = {}
        for name in _NUMBERS:
            value = table.data[name]
            assert isinstance(value, IntegerAttr)
            numbers[name] = value.value.data
        states = table.data["states"]
        assert isinstance(states, DenseArrayBase)
        return GenerationSignature(**numbers, states=tuple(int(v) for v in states.get_values()))
    except (AssertionError, KeyError):
        raise VerifyException(f"{GENERATION_ATTR} is malformed: {table}") from None


def _list(values: Sequence[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, list(values))
