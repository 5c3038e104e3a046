"""The exact transformations through the simulator, on every machine: its values are the interpreter's."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from rnncc.codegen import generate
from rnncc.interpreter import run
from rnncc.machine import load_machine, machine_names
from rnncc.pipeline import Pipeline
from rnncc.simulator import simulate
from rnncc.universe import make_context
from tests.unit.lower.build import compare

from .stacks import Network, inputs_for, networks, transform
from .test_composition import ANY_ORDER, LENGTHS, PAIRS

END = "lower-lengths,canonicalize,cse,dce,back"


def simulated(module: ModuleOp, passes: str, target: str, arrays: dict, lengths: dict | None):
    """What a machine computes for a module after some passes."""
    clone = module.clone()
    text = f"{passes},{END}" if passes else END
    Pipeline(text).apply(make_context(), clone, target=target)
    program = generate(clone, load_machine(target), "exact")
    outputs = simulate(program, arrays, lengths=lengths).outputs
    return {name: np.asarray(value) for name, value in outputs.items()}


@settings(max_examples=15, deadline=None)
@given(
    networks(layers=3, directions=("f", "b", "both")),
    st.sampled_from(["", *ANY_ORDER]),
    st.sampled_from(machine_names()),
)
def test_any_pass_on_any_machine(network, text, target):
    first = transform(network.module(), "decompose-cells")
    arrays, lengths = inputs_for(network, first, 1)
    expected = run(first, arrays, lengths)
    compare(simulated(first, text, target, arrays, lengths), expected, 2e-5)


@cache
def interpreted(length: str) -> tuple[ModuleOp, dict, dict | None, dict]:
    net = Network(("gru", "skip"), steps=4, directions=("both", "f"), length=length, every=True)
    module = transform(net.module(), "decompose-cells")
    arrays, lengths = inputs_for(net, module, 1)
    return module, arrays, lengths, run(module, arrays, lengths)


SOME = PAIRS[::9]
"""Every ninth pair; the interpreter sees them all (test_composition)."""


@pytest.mark.parametrize(
    ("pair", "length", "target"),
    list(
        zip(SOME, itertools.cycle(LENGTHS), itertools.cycle(sorted(machine_names())), strict=False)
    ),
    ids=str,
)
def test_pairs(pair, length, target):
    module, arrays, lengths, expected = interpreted(length)
    compare(simulated(module, ",".join(pair), target, arrays, lengths), expected, 2e-5)


@pytest.mark.parametrize(("target", "length"), [("edge", "lens"), ("bw-s10", "symbol")])
def test_all_of_the_pipeline_latency(target, length):
    module, arrays, lengths, expected = interpreted(length)
    order = "fuse-gates,hoist-input-projection,fuse-directions,wavefront-layers,unroll-timesteps"
    compare(simulated(module, order, target, arrays, lengths), expected, 2e-5)
