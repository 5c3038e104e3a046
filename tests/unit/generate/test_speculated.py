"""The pipeline speculate: word for word what the pipeline generate makes, greedy and sampled."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import rnncc
from rnncc.errors import PassError
from rnncc.generation import Generate
from rnncc.runtime import run_program

from .models import bigrams, expected, pairs_of, step_model

PROMPT = [1, 5, 3]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """A text of numbers."""
    path = tmp_path_factory.mktemp("text") / "tokens.npy"
    np.save(path, np.random.default_rng(0).integers(0, 11, 200))
    return path


@pytest.fixture(scope="module")
def smaller(tmp_path_factory):
    """A smaller model of the same words."""
    path = tmp_path_factory.mktemp("draft") / "draft.onnx"
    onnx.save(step_model("GRU", 1, hidden=3, seed=1), path)
    return path


def check(model, options, generate, target="edge", seeds=(0, 1)):
    """Compare with ONNX Runtime stepping; gives the last run."""
    program = rnncc.compile(model, target=target, generate=generate, pipeline=options)
    result = None
    for seed in seeds:
        inputs = {"token": np.array(PROMPT[: 3 - seed])}
        result = program.run(inputs, seed=seed)
        wanted = expected(model, program, generate, inputs, seed)
        assert set(result.outputs) == set(wanted)
        for name, want in wanted.items():
            np.testing.assert_allclose(result.outputs[name], want, rtol=1e-4, atol=1e-5)
        (found,) = result.report.speculated
        assert found.words == int(result.outputs["count"])
    assert result is not None
    return result


HOW = ({}, {"temperature": 0.7}, {"temperature": 1.0, "top_k": 3}, {"stop": 5})


@pytest.mark.parametrize(
    ("draft", "how"),
    [
        ("ngram", 1),
        ("history", 0),
        ("history", 2),
        ("alone", 1),
        ("alone", 3),
        ("model", 0),
        ("model", 1),
    ],
)
def test_as_without(how, draft, tokens, smaller):
    model = step_model("LSTM", 2)
    generate = Generate(pairs_of(model), max_tokens=12, max_prompt=4, **HOW[how])
    options = {
        "ngram": f'draft=ngram order=4 tokens="{tokens}"',
        "history": f'draft=history tokens="{tokens}"',
        "alone": "draft=history",
        "model": f'draft=model model="{smaller}" pairs="logits:token","h0_out:h0"',
    }
    check(model, f"speculate{{width=3 {options[draft]}}}", generate)


@pytest.mark.parametrize("target", ["bw-s10", "tpu-v1"])
@pytest.mark.parametrize("how", HOW[:2], ids=["greedy", "drawn"])
def test_machines(target, how):
    model = step_model("GRU", 2)
    generate = Generate(pairs_of(model), max_tokens=9, max_prompt=4, **how)
    check(model, "speculate{width=2}", generate, target, seeds=(0,))


def test_a_model_that_guesses_itself(tmp_path):
    """Its guesses are all right once it has seen as much of the text: here from the first word on."""
    model = step_model("LSTM", 1)
    onnx.save(model, tmp_path / "same.onnx")
    generate = Generate(pairs_of(model), max_tokens=12, max_prompt=1)
    text = f'speculate{{width=3 draft=model model="{tmp_path / "same.onnx"}"}}'
    program = rnncc.compile(model, generate=generate, pipeline=text)
    result = program.run({"token": [4]})
    (found,) = result.report.speculated
    assert (found.words, found.turns, found.accepted) == (12, 3, 1.0)
    assert "12 words in 3 turns" in str(result.report)
    assert result.report.to_dict()["speculated"][0]["words_a_turn"] == 4.0


def test_the_distribution_of_sampled_words():
    """Transitions of a text, drawn with guesses accepted and refused, have the model's probabilities."""
    words, count = 5, 700
    model = bigrams(words, seed=2)
    generate = Generate(("logits:token",), max_tokens=count, max_prompt=2, temperature=1.0)
    program = rnncc.compile(model, generate=generate, pipeline="speculate{width=2}")
    result = run_program(program, {"token": [0]}, seed=7, timing=False)
    (found,) = result.report.speculated
    assert 0.15 < found.accepted < 0.6
    text = np.concatenate([[0], result.outputs["tokens"]])
    seen = np.zeros((words, words))
    np.add.at(seen, (text[:-1], text[1:]), 1)
    (table,) = (onnx.numpy_helper.to_array(t) for t in model.graph.initializer)
    odds = np.exp(table) / np.exp(table).sum(1, keepdims=True)
    wanted = seen.sum(1, keepdims=True) * odds
    statistic = ((seen - wanted) ** 2 / wanted).sum()
    # 20 degrees of freedom: 45.3 is exceeded once in a thousand times.
    assert statistic < 45.3


def test_refused(tmp_path, smaller):
    model = step_model("LSTM", 1)
    generate = Generate(pairs_of(model), max_tokens=4)
    other = tmp_path / "other.onnx"
    onnx.save(step_model("GRU", 1, words=7, hidden=3), other)

    def refuse(options: str, text: str) -> None:
        with pytest.raises(PassError) as error:
            rnncc.compile(model, generate=generate, pipeline=f"speculate{{{options}}}")
        assert text in str(error.value)

    named = 'pairs="logits:token","h0_out:h0"'
    refuse(f'draft=model model="{other}" {named}', "has 7 words, the model that it guesses has 11")
    refuse(f'draft=model model="{smaller}"', "the model has no output 'c0_out'")
    refuse(f'draft=model model="{smaller}" pairs="logits:token"', "nothing is known of its input 'h0'")  # fmt: skip
    refuse("draft=model", "draft=model and model=FILE belong together")
