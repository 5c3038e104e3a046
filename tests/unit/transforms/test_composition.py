"""The transformations one after the other in every sensible order, and through the simulator."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.codegen import generate
from rnncc.interpreter import run
from rnncc.machine import load_machine
from rnncc.simulator import simulate
from tests.unit.lower.build import compare

from .stacks import Network, check_same, inputs_for, networks, transform

ANY_ORDER = (
    "fuse-gates",
    "hoist-input-projection",
    "fuse-directions",
    "wavefront-layers",
    "lower-lengths",
    "unroll-timesteps{factor=3}",
)


@settings(max_examples=20, deadline=None)
@given(networks(directions=("f", "b", "both")), st.permutations(ANY_ORDER))
def test_any_order(network, order):
    check_same(network, "decompose-cells", ",".join(order))


LENGTHS = itertools.cycle(("static", "symbol", "lens"))


@pytest.mark.parametrize(
    ("pair", "length"), list(zip(itertools.permutations(ANY_ORDER[1:], 2), LENGTHS, strict=False))
)
def test_ordered_pairs(pair, length):
    net = Network(("lstm", "gru", "own"), steps=4, directions=("f", "f", "both"), length=length)
    check_same(net, "decompose-cells", ",".join(pair), seeds=(3,))


TRANSFORMS = (
    "",
    "wavefront-layers",
    "fuse-directions",
    "unroll-timesteps{factor=3}",
    "wavefront-layers,fuse-directions,unroll-timesteps{factor=2}",
)


@pytest.mark.parametrize(
    ("target", "length"),
    [
        ("edge", "static"),
        ("edge", "lens"),
        ("bw-s10", "symbol"),
        ("tpu-v1", "symbol"),
        ("tpu-v1", "lens"),
    ],
)
def test_simulated(target, length):
    net = Network(
        ("lstm", "own", "gru"), steps=5, directions=("f", "f", "both"),
        between=("project", "residual"), length=length, every=True,
    )  # fmt: skip
    first = transform(net.module(), "decompose-cells,fuse-gates,hoist-input-projection")
    for passes in TRANSFORMS:
        middle = f"{passes}," if passes else ""
        options = f"{{target={target}}}"
        back = ",".join(f"{p}{options}" for p in ("place-memory", "tile-for-machine"))
        lowered = transform(
            first,
            f"{middle}lower-lengths,canonicalize,cse,dce,{back},lower-to-npu,"
            f"schedule{options},allocate{options}",
        )
        program = generate(lowered, load_machine(target), "exact")
        arrays, lengths = inputs_for(net, first, 1)
        result = simulate(program, arrays, lengths=lengths)
        compare(
            {k: np.asarray(v) for k, v in result.outputs.items()}, run(first, arrays, lengths), 2e-5
        )
