"""The sample language model generating, greedy: one word a step, and guessed words run together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.bench.measure import Measured, in_all, measured
from rnncc.bench.samples import sample_folder
from rnncc.bench.transformations.row import Row
from rnncc.errors import RnnccError

if TYPE_CHECKING:
    import numpy as np

FLOORS = {"edge": 1.5, "bw-s10": 1.5, "tpu-v1": 1.5}
"""How many times fewer cycles a token the best draft must need. On tpu-v1 the words of a turn share each weight; on
bw-s10 and edge the latency of what is no recurrence."""
ALSO = ("tpu-v2",)
"""Measured as well where no machine is named."""
FEEDBACK = ("logits:tokens", "hn:h0", "cn:c0")
WORDS, GIVEN, PROMPTS = 400, 16, 3
"""Words generated for each prompt; the words of a prompt; the held-out novels that the prompts begin."""
DRAFTS = {
    "n-grams": 'speculate{{width=4 draft=ngram tokens="{tokens}"}}',
    "history": 'speculate{{width=12 draft=history tokens="{tokens}"}}',
}
"""Where guesses come from: the training text's n-grams, or what was generated so far and then those. A text that
repeats itself, as a small model's best words do, is guessed well far ahead."""


def language_sample() -> tuple[Path, Path, np.ndarray]:
    """The model, its training text for n-grams, and prompts i64 [PROMPTS, GIVEN] from held-out text.

    Raises:
        InputError: the samples are not there; they are part of a clone, not of an installed package.
    """
    import numpy as np

    folder = sample_folder("language_model")
    with np.load(folder / "heldout.npz") as archive:
        return folder / "model.onnx", folder / "tokens.npz", archive["tokens"][:GIVEN, :PROMPTS].T


def run_prompts(target: str, pipeline: str) -> tuple[Measured, list[list[int]], str]:
    """All prompts through one generator.

    Returns:
        The cycles (a unit of work is a token), the tokens of each prompt, and what the guesses were worth.
    """
    import rnncc
    from rnncc.generation import Generate, generated

    path, _, prompts = language_sample()
    how = Generate(FEEDBACK, max_tokens=WORDS, max_prompt=GIVEN)
    program = rnncc.compile(path, target, pipeline, generate=how)
    found, tokens, words, turns, guesses = [], [], 0, 0, 0
    for prompt in prompts:
        result = program.run({"tokens": prompt})
        found.append(measured(result))
        tokens.append(list(map(int, generated(result.outputs))))
        for counted in result.report.speculated:
            words, turns = words + counted.words, turns + counted.turns
            guesses += counted.turns * counted.width
    total = in_all(found, float(sum(map(len, tokens))))
    note = ""
    if turns:
        right = (words - turns) / guesses
        note = f"{right:.0%} of the guesses accepted, {words / turns:.2f} tokens a turn"
    return total, tokens, note


def rows(target: str) -> Iterator[Row]:
    """Each draft beside one word a step; every token must be the same."""
    name = f"language model, {WORDS} tokens"
    try:
        plain, expected, _ = run_prompts(target, "generate")
    except RnnccError as error:
        yield Row(name, target, "speculate-words", None, None, unit="token", problem=error.message)
        return
    for draft, text in DRAFTS.items():
        change = f"speculate-words, {draft}"
        try:
            pipeline = text.format(tokens=language_sample()[1])
            after, tokens, note = run_prompts(target, pipeline)
        except RnnccError as error:
            yield Row(name, target, change, None, None, unit="token", problem=error.message)
            continue
        if tokens != expected:
            problem = "the tokens are not those of the generator without guesses"
            yield Row(name, target, change, None, None, unit="token", problem=problem)
            continue
        floor = FLOORS.get(target) if draft == "history" else None
        yield Row(name, target, change, plain, after, unit="token", floor=floor, note=note)
