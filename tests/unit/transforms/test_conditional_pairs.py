"""sink-updates, gate-frames and sink-front before and after every other transformation of a scan."""

from functools import cache

import numpy as np
import pytest

from rnncc.compiler import Compilation
from rnncc.dialects import rnn
from rnncc.interpreter import run
from rnncc.pipeline import Pipeline
from rnncc.skipped import take_counters
from rnncc.universe import make_context
from rnncc.verifier import verify_module
from tests.unit.lower.build import compare, count, lower

from .lrcn import clip, lrcn
from .test_composition import ANY_ORDER
from .test_sink_updates import build

GATE = "gate-frames{threshold=0.02 rows=together}"


def made(module, text):
    clone = module.clone()
    Pipeline(text).apply(make_context(), clone)
    verify_module(clone)
    return clone


@cache
def skipping():
    model = build.skip_rnn("lstm", build.weights("lstm", 4, 8), steps=6)
    module = Compilation(model, pipeline="front").module("rnn")
    x = np.random.default_rng(2).standard_normal((6, 1, 4)).astype(np.float32)
    return module, {"x": x}, run(module, {"x": x})


@cache
def filming():
    module = Compilation(lrcn(layers=2), pipeline="front,decompose-cells").module("rnn")
    x = clip(8, (3, 5))
    gated, (first, _) = take_counters(run(made(module, GATE), {"x": x}))
    assert first.skipped == 5
    return module, {"x": x}, run(module, {"x": x}), gated


@pytest.mark.parametrize("other", ANY_ORDER)
@pytest.mark.parametrize("first", [True, False])
def test_sink_updates(other, first):
    module, inputs, expected = skipping()
    after = made(module, f"sink-updates,{other}" if first else f"{other},sink-updates")
    assert count(after, rnn.IfOp) >= 1
    compare(run(after, inputs), expected, 1e-5)


@pytest.mark.parametrize("other", [*ANY_ORDER, "sink-updates", "sink-front"])
@pytest.mark.parametrize("first", [True, False])
def test_gate_frames(other, first):
    """What is exact changes nothing of what a gated model gives."""
    module, inputs, plain, gated = filming()
    after = made(module, f"{GATE},{other}" if first else f"{other},{GATE}")
    got, counters = take_counters(run(after, inputs))
    if not first and other == "wavefront-layers":
        # A diagonal has steps of two times: what a gate skips of one the other would miss.
        assert not counters
        compare(got, plain, 1e-5)
        return
    assert [c.skipped for c in counters] == [5, 5]
    compare(got, gated, 1e-5)


@pytest.mark.parametrize("other", [*ANY_ORDER, "sink-updates"])
@pytest.mark.parametrize("first", [True, False])
def test_sink_front(other, first):
    module, inputs, expected, _ = filming()
    after = made(module, f"sink-front,{other}" if first else f"{other},sink-front")
    compare(run(after, inputs), expected, 1e-5)


@pytest.mark.parametrize("text", [f"{GATE},unroll-timesteps{{factor=3}}", f"sink-front,{GATE}"])
def test_simulated(text):
    module, inputs, _, gated = filming()
    lowered = lower(made(module, f"{text},lower-lengths,canonicalize,cse,dce"))
    got, counters = take_counters(run(lowered, inputs))
    assert counters[0].skipped == 5
    compare(got, gated, 1e-5)
