"""Generators from the host's side: what to compile, and the inputs that a run may leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.errors import InputError, ProgramError
from rnncc.isa.types import NUMPY_TYPES

if TYPE_CHECKING:
    from rnncc.program import Port, Program

REPORT = "generation"
"""Where a program's report says how it generates."""


@dataclass(frozen=True)
class Generate:
    """How a step model is to generate; the options of the pass ``generate-tokens``.

    Attributes:
        pairs: ``OUTPUT:INPUT``, logits and token first, then the states.
        max_tokens: the most tokens that the program can generate.
        max_prompt: the most tokens of a prompt.
        stop: the token after which generation ends; None for none.
        temperature: sample, with the logits divided by this; None takes the best token.
        top_k: sample from so many of the best; None for all.
    """

    pairs: tuple[str, ...]
    max_tokens: int = 64
    max_prompt: int = 64
    stop: int | None = None
    temperature: float | None = None
    top_k: int | None = None

    @staticmethod
    def of(given: str | Sequence[str] | Generate) -> Generate:
        """From ``"logits:token,h1:h0"``, a list of such pairs, or what is one already."""
        if isinstance(given, Generate):
            return given
        pairs = given.split(",") if isinstance(given, str) else given
        return Generate(tuple(text.strip() for text in pairs if text.strip()))

    def options(self) -> dict[str, Any]:
        """What the pass is given, where the pipeline's text does not say it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Generator:
    """What a generator program says about its inputs and outputs.

    Attributes:
        prompt, limit: inputs, by name.
        uniform: the input of random numbers, "" when it takes the best token.
        states: inputs that are zero where a run leaves them out.
        vocabulary: tokens are below it.
        longest: the most tokens it can generate.
        stop: the token that ends generation, -1 for none.
    """

    prompt: str
    limit: str
    uniform: str
    states: tuple[str, ...]
    vocabulary: int
    longest: int
    stop: int

    @staticmethod
    def of(program: Program) -> Generator | None:
        """None when the program is no generator.

        Raises:
            ProgramError: the file says something that does not fit the program.
        """
        table = program.report.get(REPORT)
        if table is None:
            return None
        ports = {port.name for port in program.inputs}
        try:
            names = [str(table[key]) for key in ("prompt", "limit", "uniform")]
            states = tuple(str(name) for name in table["states"])
            numbers = [int(table[key]) for key in ("vocabulary", "longest", "stop")]
            known = {*names[:2], *states, *([names[2]] if names[2] else [])}
            if not known <= ports or numbers[0] < 1 or numbers[1] < 1:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise ProgramError("the program's 'generation' does not fit its inputs") from None
        prompt, limit, uniform = names
        vocabulary, longest, stop = numbers
        return Generator(prompt, limit, uniform, states, vocabulary, longest, stop)

    def complete(self, program: Program, inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """The inputs with those that were left out, checked.

        Args:
            program: the generator.
            inputs: at least the prompt; numbers, a list, or an array whose tokens are along one axis.
            seed: of the random numbers.

        Raises:
            InputError: no prompt, a token outside the vocabulary, or a number out of range.
        """
        ports = {port.name: port for port in program.inputs}
        done = dict(inputs)
        if self.prompt not in done:
            raise InputError(
                f"input missing: '{self.prompt}', the tokens to begin with (one at least)"
            )
        done[self.prompt] = self._prompt(ports[self.prompt], done[self.prompt])
        for name in self.states:
            port = ports[name]
            done.setdefault(name, np.zeros(port.shape, NUMPY_TYPES[port.dtype]))
        limit = np.asarray(done.get(self.limit, self.longest))
        if limit.shape != () or limit.dtype.kind not in "iu" or not 1 <= limit <= self.longest:
            raise InputError(
                f"input '{self.limit}' is {limit}, outside 1..{self.longest}, what the program was compiled for",
                "compile again with a larger --max-tokens",
            )
        done[self.limit] = limit.astype(np.int64)
        if self.uniform:
            uniform = done.setdefault(self.uniform, random_numbers(self.longest, seed))
            array = np.asarray(uniform)
            if array.size and not (array.min() >= 0 and array.max() < 1):
                raise InputError(f"input '{self.uniform}' holds numbers outside [0, 1)")
        return done

    def _prompt(self, port: Port, given: Any) -> np.ndarray:
        array = np.asarray(given)
        if not isinstance(given, np.ndarray) and array.dtype.kind in "iu":
            array = array.astype(NUMPY_TYPES[port.dtype])
        if array.size == 0:
            raise InputError(f"input '{self.prompt}' is empty: generation begins with a token")
        if array.size == max((1, *array.shape)):
            array = array.reshape(-1)
        if array.dtype.kind in "iu" and not 0 <= array.min() <= array.max() < self.vocabulary:
            wrong = array[(array < 0) | (array >= self.vocabulary)].flat[0]
            raise InputError(
                f"input '{self.prompt}' holds the token {wrong}, outside the vocabulary, 0..{self.vocabulary - 1}"
            )
        return array


def random_numbers(count: int, seed: int) -> np.ndarray:
    """Numbers in [0, 1) that a generator draws tokens by: NumPy's Philox with the seed as its key, float32.

    Source: Philox4x64-10 (Salmon et al., SC 2011), counter-based: the same everywhere.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: must not be negative")
    return np.random.Generator(np.random.Philox(key=seed)).random(count, np.float32)


def generated(outputs: Mapping[str, np.ndarray]) -> list[int]:
    """The tokens that a generator's run made, without what lies behind them."""
    return outputs["tokens"][: int(outputs["count"])].tolist()
