"""The pipeline `latency`, and measured transformations: never slower than without, on every machine."""

from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

import rnncc
from rnncc.bench.models import recurrent_model
from rnncc.compiler import Compilation
from rnncc.dialects._main import main_function
from rnncc.passes._module_text import ModuleText
from rnncc.passes._remarks import remark
from rnncc.passes._trial import cycles_of
from rnncc.passes.unroll_timesteps import mark
from rnncc.random_inputs import random_inputs
from rnncc.simulator import simulate
from rnncc.universe import make_context

from .stacks import Network, inputs_for, remarks, scans, transform

DEEP = str(Path(__file__).resolve().parents[2] / "support" / "deep.toml")
"""A machine whose steps are all latency."""

MODELS = {
    "lstm": ("LSTM", 256, 10, {}),
    "gru streamed": ("GRU", 1024, 6, {}),
    "stack": ("LSTM", 256, 12, {"layers": 4}),
    "bidirectional": ("GRU", 128, 12, {"bidirectional": True, "layers": 2}),
}


@cache
def cycles(name: str, target: str, pipeline: str) -> int:
    kind, hidden, steps, options = MODELS[name]
    model = recurrent_model(kind, hidden, steps, **options)
    found = rnncc.compile(model, target, pipeline).run(None, values=False).cycles
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("lstm", "edge"),
        ("gru streamed", "tpu-v1"),
        ("stack", "edge"),
        ("stack", "bw-s10"),
        ("bidirectional", "bw-s10"),
        ("bidirectional", "tpu-v1"),
    ],
)
def test_never_slower_than_default(name, target):
    assert cycles(name, target, "latency") <= cycles(name, target, "default")


def test_a_stack_and_two_halves_are_faster_where_latency_binds():
    assert cycles("stack", DEEP, "default") > 1.5 * cycles("stack", DEEP, "latency")
    fused = cycles("bidirectional", DEEP, "latency")
    assert cycles("bidirectional", DEEP, "default") > 1.4 * fused


LENS = Network(("lstm",), steps=7, batch=3, width=4, length="lens", directions=("both",))
SYMBOL = Network(("gru", "own"), steps=9, width=16, length="symbol", directions=("b", "b"))


@pytest.mark.parametrize(
    ("network", "target"),
    [(LENS, "bw-s10"), (SYMBOL, "edge"), (SYMBOL, "tpu-v1")],
    ids=["lens-bw-s10", "symbol-edge", "symbol-tpu-v1"],
)
def test_measured_passes_never_cost_a_cycle(network, target):
    """Ragged and run-time lengths, both directions: at the largest lengths, one less, half."""
    first = transform(network.module(), "decompose-cells,fuse-gates,hoist-input-projection")
    before = cycles_of(make_context(), first, target)
    for passes in (
        f"unroll-timesteps{{factor=auto target={target}}}",
        f"fuse-directions{{measure=true target={target}}},"
        f"wavefront-layers{{measure=true target={target}}}",
    ):
        first = transform(first, passes)
        after = cycles_of(make_context(), first, target)
        assert all(a <= b for a, b in zip(after, before, strict=True))


def test_a_declined_trial_leaves_the_module():
    net = Network(("lstm", "lstm"), steps=3, batch=1, width=4)
    text = "decompose-cells,fuse-gates,hoist-input-projection,wavefront-layers{measure=true}"
    module = transform(net.module(), text)
    assert len(scans(module)) == 2
    assert any("nothing is changed: the program would take" in note for note in remarks(module))


def test_no_trial_is_made_twice():
    net = Network(("lstm",), steps=9, batch=1, width=4)
    ctx, module = make_context(), transform(net.module(), "decompose-cells,fuse-gates")
    (scan,) = scans(module)
    with patch("rnncc.simulator.simulate", wraps=simulate) as timed:
        first = cycles_of(ctx, module, "edge")
        remark(scan, "any-pass", "what was noted changes no cycle")
        assert cycles_of(ctx, module, "edge") == first
        assert timed.call_count == 1
        # What does change them is another trial: the machine, steps a turn, weights that are elsewhere.
        cycles_of(ctx, module, "tpu-v1")
        mark(scan, 2)
        cycles_of(ctx, module, "edge")
        assert timed.call_count == 3
    again = transform(net.module(), "decompose-cells,fuse-gates")
    assert ModuleText(module) == ModuleText(module.clone()) != ModuleText(again)


def test_random_lengths_are_within_the_time():
    net = Network(("lstm",), steps=50, batch=8, length="lens")
    module = transform(net.module(), "decompose-cells")
    lens = random_inputs(module)["x1"]
    assert 1 <= lens.min() < lens.max() <= 50
    assert lens.max() > 2
    assert inputs_for(net, module)[0]["x1"].shape == lens.shape
    model = recurrent_model("LSTM", 8, 20)
    batched = Compilation(
        model, pipeline="front,decompose-cells,batch-sequences{size=4 policy=pack}"
    ).module()
    assert main_function(batched).body.block.args
    assert random_inputs(batched)["lengths"].max() > 2


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("target", ["edge", "v100"])
def test_a_single_step_computes_no_product_of_the_state_it_does_not_have(kind, target):
    model = recurrent_model(kind, 384, 1)
    now, before = (rnncc.compile(model, target, p) for p in ("latency", "default"))
    rng = np.random.default_rng(0)
    data = {"x": rng.standard_normal((1, 1, 384)).astype(np.float32)}
    got, want = now.run(data), before.run(data)
    assert got.cycles and want.cycles and got.cycles < want.cycles
    for name, array in want.outputs.items():
        np.testing.assert_allclose(got.outputs[name], array, rtol=1e-5, atol=1e-6)
