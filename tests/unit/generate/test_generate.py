"""Generators against ONNX Runtime stepping and NumPy choosing: interpreted, simulated, on every machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnncc
from rnncc.compiler import Compilation
from rnncc.errors import InputError
from rnncc.generation import Generate, generated, random_numbers
from rnncc.interpreter import run
from rnncc.isa.types import NUMPY_TYPES

from .models import bigrams, expected, pairs_of, step_model


def agree(got, wanted):
    """Tokens and count are the same, the states nearly."""
    assert list(got) == list(wanted)
    for name, value in wanted.items():
        assert got[name].dtype == value.dtype
        if value.dtype.kind == "i":
            np.testing.assert_array_equal(got[name], value, err_msg=name)
        else:
            np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


@st.composite
def cases(draw):
    words = draw(st.sampled_from([1, 2, 7, 16, 30]))
    model = step_model(
        draw(st.sampled_from(["LSTM", "GRU", "RNN"])),
        draw(st.integers(1, 2)),
        words,
        draw(st.sampled_from([1, 4, 6])),
        token=draw(st.sampled_from([(1,), (1, 1)])),
        wide=draw(st.booleans()),
        seed=draw(st.integers(0, 99)),
    )
    how = draw(st.sampled_from(["greedy", "all", "top"]))
    generate = Generate(
        pairs_of(model),
        max_tokens=draw(st.integers(1, 12)),
        max_prompt=draw(st.integers(1, 5)),
        stop=draw(st.none() | st.integers(0, words - 1)),
        temperature=draw(st.sampled_from([0.5, 1.0, 2.0])) if how == "all" else None,
        top_k=draw(st.integers(1, words)) if how == "top" else None,
    )
    prompt = draw(st.lists(st.integers(0, words - 1), min_size=1, max_size=generate.max_prompt))
    limit = draw(st.integers(1, generate.max_tokens))
    return model, generate, prompt, limit, draw(st.integers(0, 99))


@settings(max_examples=7, deadline=None)
@given(cases())
def test_tokens_are_those_of_the_step_model(case):
    model, generate, prompt, limit, seed = case
    compilation = Compilation(model.SerializeToString(), generate=generate)
    program = compilation.program()
    program.validate()
    states = np.random.default_rng(seed)
    inputs = {"token": prompt, "max_tokens": limit}
    for port in program.inputs:
        if port.dtype == "f32" and port.name != "uniform":
            inputs[port.name] = states.standard_normal(port.shape).astype(np.float32)
    wanted = expected(model, program, generate, inputs, seed)
    result = program.run(inputs, seed=seed)
    agree(result.outputs, wanted)
    assert generated(result.outputs) == wanted["tokens"][: wanted["count"]].tolist()
    generator = rnncc.generation.Generator.of(program)  # type: ignore[attr-defined]
    arrays = {
        name: np.asarray(value, NUMPY_TYPES[port.dtype])
        for port in program.inputs
        for name, value in generator.complete(program, inputs, seed).items()
        if name == port.name
    }
    for stage in ("rnn", "npu"):
        agree(run(compilation.module(stage), arrays), wanted)


@pytest.fixture(scope="module")
def lstm():
    """A model whose greedy text meets token 7 after a while."""
    return step_model("LSTM", 2, 30, 8, seed=1)


@pytest.fixture(scope="module")
def greedy(lstm):
    return rnncc.compile(lstm, generate=Generate(pairs_of(lstm), max_tokens=20, max_prompt=6))


@pytest.mark.parametrize("target", ["edge", "bw-s10", "tpu-v1"])
@pytest.mark.parametrize("choice", [{}, {"temperature": 0.8}, {"top_k": 4}])
def test_every_machine(lstm, target, choice):
    generate = Generate(pairs_of(lstm), max_tokens=6, max_prompt=3, stop=7, **choice)
    program = rnncc.compile(lstm, target=target, generate=generate)
    inputs = {"token": [3, 1, 4]}
    agree(program.run(inputs, seed=2).outputs, expected(lstm, program, generate, inputs, 2))


def test_fewer_tokens_cost_fewer_cycles(greedy):
    cycles = [greedy.run({"token": [1], "max_tokens": n}).cycles for n in (1, 5, 10, 20)]
    assert cycles == sorted(set(cycles))
    prompts = [greedy.run({"token": [1] * n, "max_tokens": 5}).cycles for n in (1, 3, 6)]
    # The first words are for nothing while the weights are still on their way.
    assert prompts == sorted(prompts)
    assert prompts[-1] > prompts[0]


def test_the_stop_token_ends_it(lstm, greedy):
    whole = greedy.run({"token": [1]})
    tokens = whole.outputs["tokens"].tolist()
    stop = tokens[4]
    generate = Generate(pairs_of(lstm), max_tokens=20, max_prompt=6, stop=stop)
    program = rnncc.compile(lstm, generate=generate)
    # As a prompt it does not stop anything.
    for prompt in ([1], [stop]):
        result = program.run({"token": prompt})
        agree(result.outputs, expected(lstm, program, generate, {"token": prompt}))
    result = program.run({"token": [1]})
    first = tokens.index(stop) + 1
    assert generated(result.outputs) == tokens[:first]
    assert not result.outputs["tokens"][first:].any()
    assert result.cycles < whole.cycles


def test_states_go_on_where_they_ended(greedy):
    """Two runs, the second with the states of the first, make what one makes."""
    one = greedy.run({"token": [5, 2], "max_tokens": 12}).outputs
    first = greedy.run({"token": [5, 2], "max_tokens": 5}).outputs
    states = {name.removesuffix("_out"): v for name, v in first.items() if name.endswith("_out")}
    rest = greedy.run({"token": first["tokens"][4:5], "max_tokens": 7, **states}).outputs
    assert generated(one) == generated(first) + generated(rest)


def test_drawn_tokens_have_their_probabilities():
    """Chi-square over the tokens that follow each token; a fixed seed makes it repeatable."""
    words, count = 8, 4000
    model = bigrams(words)
    table = np.random.default_rng(0).standard_normal((words, words)).astype(np.float32)
    for top_k in (None, 4):
        generate = Generate(("logits:token",), count, 1, temperature=0.7, top_k=top_k)
        program = rnncc.compile(model, generate=generate)
        tokens = [0, *generated(program.run({"token": [0]}, seed=11, timing=False).outputs)]
        assert len(tokens) == count + 1
        seen = np.zeros((words, words))
        np.add.at(seen, (tokens[:-1], tokens[1:]), 1)
        weights = np.exp(table.astype(np.float64) / 0.7)
        if top_k is not None:
            weights[weights < np.sort(weights, 1)[:, [-4]]] = 0
            assert not seen[weights == 0].any()
        wanted = seen.sum(1, keepdims=True) * weights / weights.sum(1, keepdims=True)
        cells = wanted > 5
        chi = ((seen - wanted)[cells] ** 2 / wanted[cells]).sum()
        freedom = cells.sum() - words
        # Wilson and Hilferty's normal approximation: within three standard deviations.
        z = ((chi / freedom) ** (1 / 3) - 1 + 2 / (9 * freedom)) / np.sqrt(2 / (9 * freedom))
        assert abs(z) < 3, (chi, freedom)


def test_seeds_and_numbers(lstm):
    generate = Generate(pairs_of(lstm), max_tokens=10, temperature=1.5)
    program = rnncc.compile(lstm, generate=generate)
    texts = [generated(program.run({"token": [1]}, seed=s).outputs) for s in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
    given = program.run({"token": [1], "uniform": random_numbers(10, 1)})
    assert generated(given.outputs) == texts[2]
    # Always the smallest number: the first token that can be at all.
    first = program.run({"token": [1], "uniform": np.zeros(10, np.float32)})
    assert generated(first.outputs) == [0] * 10


def test_one_best_is_greedy(lstm, greedy):
    program = rnncc.compile(lstm, generate=Generate(pairs_of(lstm), 20, 6, top_k=1))
    assert generated(program.run({"token": [9]}).outputs) == generated(
        greedy.run({"token": [9]}).outputs
    )


def test_ties_take_the_first():
    model = bigrams(5)
    model.graph.initializer[0].raw_data = np.zeros((5, 5), np.float32).tobytes()
    for top_k in (None, 1):
        program = rnncc.compile(model, generate=Generate(("logits:token",), 4, 1, top_k=top_k))
        assert generated(program.run({"token": [3]}).outputs) == [0, 0, 0, 0]


def test_a_timing_needs_the_tokens(greedy):
    with pytest.raises(InputError, match="the program's control depends on data: give the inputs"):
        greedy.run(None, values=False)
    assert greedy.run({"token": [1]}, values=False).cycles == greedy.run({"token": [1]}).cycles


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "input missing: 'token', the tokens to begin with"),
        ({"token": []}, "'token' is empty"),
        ({"token": [30]}, r"holds the token 30, outside the vocabulary, 0..29"),
        ({"token": [-1]}, r"holds the token -1"),
        ({"token": [1] * 7}, r"length prompt=7 is outside 0..6"),
        ({"token": [1], "max_tokens": 21}, r"'max_tokens' is 21, outside 1..20"),
        ({"token": [1], "max_tokens": 0}, r"'max_tokens' is 0, outside 1..20"),
        ({"token": [1], "h9": np.zeros(3)}, "no input 'h9'"),
    ],
)
def test_inputs_that_do_not_fit(greedy, inputs, message):
    with pytest.raises(InputError, match=message):
        greedy.run(inputs)
