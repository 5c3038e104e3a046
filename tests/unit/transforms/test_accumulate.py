"""accumulate-products: the same values with sums made by the array, and what the measured choice takes."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import UnitAttr

import rnncc
from rnncc.bench.models import recurrent_model
from rnncc.dialects import nn
from rnncc.errors import PassError
from rnncc.interpreter import run
from rnncc.passes._lower.attributes import ACCUMULATE_ATTR
from rnncc.passes.split_gates import boundaries, split
from tests.unit.lower.build import Graph, compare

from .stacks import Network, inputs_for, networks, remarks, scans, transform
from .test_simulated import simulated

WAYS = (
    "accumulate-products",
    "split-gates,accumulate-products,unroll-timesteps{factor=3}",
    "fuse-gates,hoist-input-projection,accumulate-products",
    "split-gates,canonicalize,form-chains,accumulate-products,canonicalize,cse,dce",
    "wavefront-layers,accumulate-products",
    "batch-sequences{size=4 policy=pack},accumulate-products",
)
MACHINES = ("edge", "bw-s10", "tpu-v1", "ipu-gc2")


@settings(max_examples=20, deadline=None)
@given(
    networks(layers=2, directions=("f", "b")), st.sampled_from(WAYS[:-1]), st.sampled_from(MACHINES)
)
def test_any_network_on_machines(network, text, target):
    first = transform(network.module(), "decompose-cells")
    arrays, lengths = inputs_for(network, first, 1)
    expected = run(first, arrays, lengths)
    compare(simulated(first, text, target, arrays, lengths), expected, 2e-5)


def parts(module):
    return sorted(
        op.result.type.get_shape()[-1]
        for scan in scans(module)
        for op in scan.body.block.ops
        if isinstance(op, nn.MatmulOp)
    )


@settings(max_examples=20, deadline=None)
@given(networks(layers=1), st.sets(st.sampled_from([3, 6, 9])))
def test_any_cuts(network, cuts):
    first = transform(network.module(), "decompose-cells")
    module = first.clone()
    for scan in scans(module):
        split(scan.body.block, frozenset(cuts))
    module.verify()
    arrays, lengths = inputs_for(network, first, 1)
    compare(run(module, arrays, lengths), run(first, arrays, lengths), 1e-6)


@pytest.mark.parametrize(
    ("cell", "cuts", "widths"),
    [
        ("lstm", {6}, [6, 6]),
        ("lstm", {6, 9}, [3, 3, 6]),
        ("lstm", set(), [12]),
        ("lstm", {4}, [12]),
        ("gru", {6}, [3, 6]),
        ("gru", {3, 6}, [3, 3, 3]),
    ],
)
def test_gates_come_apart_where_they_are_cut(cell, cuts, widths):
    module = transform(Network((cell,)).module(), "decompose-cells")
    (scan,) = scans(module)
    assert boundaries(scan.body.block) == ({3, 6, 9} if cell == "lstm" else {3, 6})
    split(scan.body.block, frozenset(cuts))
    # Of x and of h; without linear_before_reset a GRU's candidate is apart anyway.
    expected = [*widths, *widths] if cell == "lstm" or cuts else widths
    found = parts(module)
    assert found == sorted(expected)


def test_every_sum_of_a_step_accumulates():
    module = transform(
        Network(("lstm",)).module(), "decompose-cells,split-gates,accumulate-products"
    )
    assert any("8 products are added to what is there" in note for note in remarks(module))


def test_what_cannot_accumulate_is_added_as_before():
    """A mark that is no longer true (two readers, an operand of another size) changes nothing."""
    g = Graph()
    x, w = g.input((5, 2, 4)), g.const(np.ones((3, 4)))

    def step(_, a, s):
        p = nn.MatmulOp(a, w, transpose_b=True)
        p.attributes[ACCUMULATE_ATTR] = UnitAttr()
        p = g.add(p)
        total = g.add(nn.BinaryOp("add", p, s))
        q = nn.MatmulOp(s, g.const(np.ones((1, 3))), transpose_b=True)
        q.attributes[ACCUMULATE_ATTR] = UnitAttr()
        wide = g.add(nn.BinaryOp("add", g.add(q), total))
        return [g.add(nn.BinaryOp("mul", wide, g.add(nn.BinaryOp("sub", p, s))))]

    op = g.scan([x], [g.const(np.zeros((2, 3)))], step, 5)
    module = g.module(op.states[0])
    arrays = {"x0": np.random.default_rng(0).standard_normal((5, 2, 4)).astype(np.float32) * 0.1}
    compare(simulated(module, "", "edge", arrays, None), run(module, arrays, None), 1e-5)


def test_unknown_policy():
    with pytest.raises(PassError, match="accumulate-products: unknown policy 'alway'"):
        transform(Network(("gru",)).module(), "accumulate-products{policy=alway}")


@cache
def gru():
    return recurrent_model("GRU", 256, 40)


def test_a_chain_machine_takes_fewer_passes():
    """bw-s10: gates apart and biases in the accumulator; the steps a turn are kept by unroll-timesteps."""
    fast = rnncc.compile(gru(), "bw-s10", "latency").run(None, values=False).cycles
    slow = rnncc.compile(gru(), "bw-s10", "default").run(None, values=False).cycles
    assert fast and slow and fast < 0.8 * slow


def test_values_of_the_chosen_program():
    rng = np.random.default_rng(3)
    x = {"x": rng.standard_normal((40, 1, 256)).astype(np.float32)}
    fast = rnncc.compile(gru(), "bw-s10", "latency").run(x).outputs
    plain = rnncc.compile(gru(), "bw-s10", "baseline").run(x).outputs
    for name, value in plain.items():
        np.testing.assert_allclose(fast[name], value, rtol=2e-5, atol=2e-5)
