"""speculate-words: the same words as without, whatever the guesses are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import FunctionType

from rnncc.codegen import generate
from rnncc.dialects import nn, rnn
from rnncc.errors import InputError, PassError
from rnncc.interpreter import run
from rnncc.machine import load_machine
from rnncc.passes import _ngrams
from rnncc.passes._drafts import Draft
from rnncc.passes._speculate_loop import find_words
from rnncc.passes._speculate_turn import Speculation
from rnncc.simulator import simulate
from rnncc.speculated import Speculated, take_turns
from tests.unit.lower.build import Graph, compare, random_inputs

from .generators import VOCABULARY, Generator
from .stacks import remarks, transform

AFTER = "split-scans,hoist-input-projection,hoist-output-projection,canonicalize,cse,dce"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """A file of text that the small models do not write, but for some pairs."""
    path = tmp_path_factory.mktemp("tokens") / "text.npy"
    np.save(path, np.random.default_rng(0).integers(0, VOCABULARY, 300))
    return path


def counted(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs without the counter of turns, which must make sense."""
    own, (found,) = take_turns(arrays)
    assert found.turns <= found.words <= found.turns * (found.width + 1)
    assert found.words == int(own["y1"])
    return own


def inputs_for(generator: Generator, module: Any, seed: int) -> dict[str, np.ndarray]:
    arrays = random_inputs(module, None, seed, high=VOCABULARY)
    if generator.given:
        name = [*arrays][-1]
        arrays[name] = np.asarray(seed * 3 - 1, np.int64)
    return arrays


generators = st.builds(
    Generator,
    layers=st.integers(1, 3),
    most=st.integers(1, 12),
    stop=st.sampled_from((None, 0, 3, 5)),
    given=st.booleans(),
    shape=st.sampled_from(((1, 1), (1,))),
    noise=st.sampled_from((0.0, 4.0)),
    seed=st.integers(0, 5),
    logits=st.booleans(),
)


@settings(max_examples=30, deadline=None)
@given(
    generators, st.integers(1, 8), st.sampled_from(("ngram", "history", "alone")), st.integers(2, 4)
)
def test_any_generator(tokens, generator, width, draft, order):
    module = generator.module()
    text = f'order={order} tokens="{tokens}"' if draft != "alone" else ""
    draft = "history" if draft == "alone" else draft
    after = transform(module, f"speculate-words{{width={width} draft={draft} {text}}},{AFTER}")
    for seed in range(3):
        arrays = inputs_for(generator, module, seed)
        compare(counted(run(after, arrays)), run(module, arrays), 2e-5)


class Script(Draft):
    """Guesses what a text says at that place, plus `wrong`."""

    def __init__(self, text: np.ndarray, width: int, wrong: int = 0):
        padded = np.concatenate([text.reshape(-1), np.zeros(2 * width, np.int64)])
        self.text, self.width = (padded + wrong) % VOCABULARY, width

    def begin(self, emit, word):
        return [emit.constant(self.text[: self.width])]

    def next(self, emit, old, turn):
        one = emit.constant(np.ones((), np.int64))
        at = emit.binary("add", emit.binary("add", turn.count, turn.right), one)
        return [emit(nn.DynamicSliceOp(emit.constant(self.text), at, 0, self.width))]


def scripted(generator: Generator, width: int, wrong: int, seed: int = 1) -> tuple[int, int]:
    """Words and turns of a generator whose guesses are right, or wrong; compared with no guesses."""
    plain = generator.module()
    arrays = inputs_for(generator, plain, seed)
    expected = run(plain, arrays)
    module = plain.clone()
    (loop,) = (op for op in module.walk() if isinstance(op, rnn.WhileOp))
    made = Speculation(
        loop, find_words(loop).state, Script(expected["y0"], width, wrong), width
    ).build()
    for old, new in zip(loop.results, made.results, strict=True):
        old.replace_all_uses_with(new)
    end = next(iter(module.ops)).body.block.last_op  # type: ignore[attr-defined]
    end.operands[1] = made.turns
    loop.detach()
    loop.erase()
    found = run(module, arrays)
    turns = int(found.pop("y1"))
    words = int(expected.pop("y1"))
    compare(found, expected, 2e-5)
    return words, turns


@pytest.mark.parametrize("width", [1, 2, 3, 8])
@pytest.mark.parametrize("most", [1, 7, 12])
def test_right_and_wrong_guesses(width, most):
    generator = Generator(most=most, seed=3)
    assert scripted(generator, width, wrong=0) == (most, -(-most // (width + 1)))
    assert scripted(generator, width, wrong=1) == (most, most)


@pytest.mark.parametrize("width", [2, 5])
def test_stop_word_within_a_right_run(width):
    module = Generator(seed=3).module()
    arrays = inputs_for(Generator(), module, 1)
    text = run(module, arrays)["y0"].reshape(-1).tolist()
    first = int(arrays["x0"].item())
    for stop in sorted(set(text)):
        words, turns = scripted(Generator(seed=3, stop=stop), width, wrong=0)
        assert words == (0 if stop == first else text.index(stop) + 1)
        assert turns == -(-words // (width + 1))


@pytest.mark.parametrize("target", ["edge", "bw-s10", "tpu-v1"])
@pytest.mark.parametrize("draft", ["ngram", "history"])
def test_simulated(target, draft, tokens):
    generator = Generator(layers=2, stop=2, given=True, noise=3.0, seed=4, logits=True)
    module = generator.module()
    text = f'order=3 tokens="{tokens}"' if draft == "ngram" else ""
    options = f"{{target={target}}}"
    lowered = transform(
        module,
        f"speculate-words{{width=3 draft={draft} {text}}},{AFTER},place-memory{options},"
        f"tile-for-machine{options},lower-to-npu,schedule{options},allocate{options}",
    )
    program = generate(lowered, load_machine(target), "exact")
    for seed in (1, 3, 4):
        arrays = inputs_for(generator, module, seed)
        result = simulate(program, arrays)
        found = {k: np.asarray(v) for k, v in result.outputs.items()}
        compare(counted(found), run(module, arrays), 2e-5)


def test_a_product_for_all_words():
    module = Generator(layers=3).module()
    after = transform(module, f"speculate-words{{width=4 draft=history}},{AFTER}")
    assert any("runs 4 guessed words" in note for note in remarks(after))
    scans = [op for op in after.walk() if isinstance(op, rnn.ScanOp)]
    assert [sum(isinstance(o, nn.MatmulOp) for o in s.body.walk()) for s in scans] == [1, 1, 1]
    rows = [op.result.type.get_shape()[0] for op in after.walk() if isinstance(op, nn.MatmulOp)]  # type: ignore[attr-defined]
    assert sorted(rows) == [1, 1, 1, 5, 5, 5, 5]


def test_declined():
    g = Graph()
    x = g.input((2, 3))
    loop = g.while_loop(
        [x], lambda *_: g.const(True, np.bool_), lambda t, s: [g.add(nn.UnaryOp("tanh", s))], 4
    )
    module = transform(g.module(*loop.states), "speculate-words{draft=history}")
    assert any("no state of it is a word" in note for note in remarks(module))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("width=0 draft=history", "a turn guesses 1 to 64 words"),
        ("width=65 draft=history", "a turn guesses 1 to 64 words"),
        ("draft=histroy", "did you mean 'history'"),
        ("draft=ngram", "give tokens=FILE"),
        ("draft=ngram order=1", "n-grams have 2 to 5 words"),
    ],
)
def test_refused(options, text):
    with pytest.raises(PassError) as error:
        transform(Generator().module(), f"speculate-words{{{options}}}")
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.txt", "", "0 tokens, n-grams need two or more"),
        ("a.txt", "1 2 three", "not a file of tokens"),
        ("a.txt", "1 2 7 3", "token 7 at 2 is outside the vocabulary, 0..6"),
        ("a.txt", "1 -1", "token -1 at 1 is outside"),
        ("a.npy", np.zeros(9), "tokens are whole numbers, not float64"),
        ("a.npz", {"x": np.arange(3), "y": np.arange(3)}, "no array 'tokens' among x, y"),
        ("a.npy", "no array", "not a file of tokens"),
        ("a.npz", "PK\x03\x04 cut off", "not an .npz file of plain arrays"),
        ("missing.npy", None, "no such file"),
    ],
)
def test_wrong_token_files(tmp_path, name, content, text):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(InputError) as error:
        transform(Generator().module(), f'speculate-words{{tokens="{path}"}}')
    assert text in str(error.value)


def test_token_files_alike(tmp_path):
    text = np.array([0, 1, 2, 1, 2, 3])
    np.save(tmp_path / "a.npy", text)
    np.savez(tmp_path / "a.npz", text)
    np.savez(tmp_path / "b.npz", tokens=text, other=text)
    (tmp_path / "a.txt").write_text("0 1 2\n1 2 3")
    for name in ("a.npy", "a.npz", "b.npz", "a.txt"):
        assert _ngrams.read_tokens(str(tmp_path / name), 4).tolist() == text.tolist()


def test_tables():
    text = np.array([0, 1, 2, 0, 1, 2, 3, 1, 4, 3, 1, 4, 0])
    pairs = _ngrams.learn(text, 6, 2, 3, 1).rows
    # 1 is followed by 2 and 4 twice each: the lower word; nothing follows 5: the most frequent word.
    assert pairs[1].tolist() == [2, 0, 1]
    assert pairs[5].tolist() == [1, 2, 0]
    triples = _ngrams.learn(text, 6, 3, 3, 8)
    assert (triples.classes, triples.rows.shape) == (8, (48, 3))
    assert triples.rows[1 * 8 + 3].tolist() == [4, 0, 1]  # behind 3 1
    assert triples.rows[1 * 8 + 0].tolist() == [2, 0, 1]  # behind 0 1
    assert triples.rows[1 * 8 + 5].tolist() == pairs[1].tolist()  # 5 1 was never seen
    assert _ngrams.learn(text[:2], 6, 5, 2, 4).rows.shape == (24, 2)


def test_a_scan_that_counts_its_words():
    """A while that only its number of steps ends becomes a scan: it is speculated all the same."""
    module = Generator(layers=2, given=True).module()
    end = next(iter(module.ops)).body.block.last_op  # type: ignore[attr-defined]
    end.operands[1] = end.operands[3]
    function = end.parent_op()
    function.function_type = FunctionType.from_lists(
        function.function_type.inputs.data, [v.type for v in end.operands]
    )
    counted = transform(module, "canonicalize")
    assert not [op for op in counted.walk() if isinstance(op, rnn.WhileOp)]
    after = transform(counted, f"speculate-words{{width=3 draft=history}},{AFTER}")
    assert [op for op in after.walk() if isinstance(op, rnn.WhileOp)]
    for seed in range(3):
        arrays = inputs_for(Generator(given=True), module, seed)
        own, (found,) = take_turns(run(after, arrays))
        assert found.turns <= found.words
        compare(own, run(module, arrays), 2e-5)


def test_what_is_counted():
    found = Speculated("loop", 4, 60, 15)
    assert str(found).startswith("speculate-words: 'loop' made 60 words in 15 turns, 4.00 words a")
    assert found.to_dict()["accepted"] == 0.75
    assert Speculated("", 3, 0, 0).accepted == 0.0
