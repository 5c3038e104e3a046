"""The exact transformations one after the other: every ordered pair, and any order of all."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from rnncc.interpreter import run
from rnncc.universe import PASSES
from tests.unit.lower.build import compare, random_inputs

from .generators import VOCABULARY, Generator
from .stacks import Network, check_same, inputs_for, networks, transform

ANY_ORDER = (
    "fuse-gates",
    "split-scans",
    "hoist-input-projection",
    "hoist-output-projection",
    "fuse-directions",
    "wavefront-layers",
    "lower-lengths",
    "unroll-timesteps{factor=3}",
    "sink-updates",
    "sink-front",
    "split-gates",
    "join-products",
    "form-chains",
    "accumulate-products",
    "straighten-scans",
    "stagger-rows",
    "drop-zero-products",
    "gate-frames{threshold=0}",
)
"""Each is exact, and may come before and after any other."""
PAIRS = list(itertools.permutations(ANY_ORDER, 2))
LENGTHS = ("static", "symbol", "lens")
APART = {"batch-sequences", "speculate-words"}
"""Exact as well, but on models of one sequence and on generators: their pairs have tests of their own."""
NO_PAIRS = {
    "fold-constants": "from ONNX",
    "convert-onnx-to-rnn": "from ONNX",
    "convert-onnx-to-nn": "from ONNX",
    "generate-tokens": "makes another function of a step model",
    "decompose-cells": "what the pairs start from",
    "quantize": "approximate",
    "place-memory": "to the machine, in one order",
    "tile-for-machine": "to the machine, in one order",
    "lower-to-npu": "to the machine, in one order",
    "persist-weights": "on the machine's level",
    "schedule": "on the machine's level",
    "allocate": "on the machine's level",
}
"""The other passes, and why they are in no pair."""


def test_every_pass_is_in_pairs_or_says_why_not():
    """A new exact transformation belongs into ANY_ORDER."""
    listed = [*(text.partition("{")[0] for text in ANY_ORDER), *APART, *NO_PAIRS]
    assert sorted(listed) == sorted(PASSES)


@settings(max_examples=20, deadline=None)
@given(networks(directions=("f", "b", "both")), st.permutations(ANY_ORDER))
def test_any_order(network, order):
    check_same(network, "decompose-cells", ",".join(order))


@cache
def interpreted(length: str) -> tuple[ModuleOp, dict, dict | None, dict]:
    """A network of three kinds of cells, its inputs, and what it gives untransformed."""
    net = Network(("lstm", "skip", "own"), steps=4, directions=("f", "f", "both"), length=length)
    module = transform(net.module(), "decompose-cells")
    arrays, lengths = inputs_for(net, module, 3)
    return module, arrays, lengths, run(module, arrays, lengths)


@cache
def after(text: str, length: str) -> ModuleOp:
    return transform(interpreted(length)[0], text)


@pytest.mark.parametrize(
    ("pair", "length"),
    [(p, LENGTHS[k % 3]) for k, p in enumerate(PAIRS)],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_ordered_pairs(pair, length):
    _, arrays, lengths, expected = interpreted(length)
    module = transform(after(pair[0], length), pair[1])
    compare(run(module, arrays, lengths), expected, 2e-5)


SPECULATE = "speculate-words{width=2 draft=history}"


@cache
def generated() -> tuple[ModuleOp, dict, dict]:
    module = Generator(layers=2, most=6, stop=3, logits=True).module()
    arrays = random_inputs(module, None, 1, high=VOCABULARY)
    return module, arrays, run(module, arrays)


@pytest.mark.parametrize("text", ANY_ORDER)
def test_pairs_with_speculation(text):
    """A generator whose words are guessed, the pass before and behind."""
    module, arrays, expected = generated()
    for order in (f"{SPECULATE},{text}", f"{text},{SPECULATE}"):
        found = run(transform(module, order), arrays)
        # Speculation adds a counter behind the outputs.
        compare({name: found[name] for name in expected}, expected, 2e-5)


BATCHES = itertools.cycle(("pad ragged=true", "pack", "pad"))


@pytest.mark.parametrize(
    ("text", "first", "policy"),
    [(text, first, next(BATCHES)) for first in (True, False) for text in ANY_ORDER],
)
def test_pairs_with_batch_sequences(text, first, policy):
    """Row b of each output is what sequence b gives alone, longest first."""
    net = Network(("gru", "own"), steps=5, batch=1, directions=("f", "both"), length="symbol")
    alone = transform(net.module(), "decompose-cells")
    batch = f"batch-sequences{{size=3 policy={policy}}}"
    batched = transform(alone, f"{batch},{text}" if first else f"{text},{batch}")
    ragged = policy != "pad"
    lens = np.array([5, 3, 1] if ragged else [4, 4, 4], np.int32)
    rows = [inputs_for(net, alone, seed)[0]["x0"] for seed in range(3)]
    rng = np.random.default_rng(1)
    rows = [rng.standard_normal((n, *rows[0].shape[1:])).astype(np.float32) for n in lens]
    x = np.zeros((lens[0], 3, rows[0].shape[2]), np.float32)
    for b, row in enumerate(rows):
        x[: len(row), b] = row[:, 0]
    arrays = {"x0": x, "lengths": lens} if ragged else {"x0": x}
    got = run(batched, arrays, {"T": int(lens[0])})
    for b, row in enumerate(rows):
        for name, want in run(alone, {"x0": row}, {"T": len(row)}).items():
            # y is [T, B, h], final states are [B, h].
            mine = got[name][:, b : b + 1] if want.ndim == 3 else got[name][b : b + 1]
            mine = mine[: len(want)] if want.ndim == 3 else mine
            np.testing.assert_allclose(mine, want, rtol=2e-5, atol=2e-5, err_msg=name)
