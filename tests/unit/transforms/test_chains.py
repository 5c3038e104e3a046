"""split-gates, join-products and form-chains: the same values, gates apart, operations in the order of chains."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.dialects import nn
from tests.unit.lower.build import Graph

from .stacks import Network, check_same, networks, remarks, scans, transform

EARLIER = ("decompose-cells", "decompose-cells,fuse-gates,hoist-input-projection",
           "decompose-cells,lower-lengths")  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(networks(directions=("f", "b")), st.sampled_from(EARLIER))
def test_any_network(network, earlier):
    check_same(network, earlier, "split-gates,canonicalize,cse,dce,form-chains")


@settings(max_examples=20, deadline=None)
@given(networks(directions=("f", "b")), st.sampled_from(EARLIER))
def test_any_network_joined(network, earlier):
    later = "split-gates,join-products,canonicalize,cse,fuse-gates,canonicalize,cse,dce"
    check_same(network, earlier, later)


@pytest.mark.parametrize(("cell", "products"), [("lstm", 1), ("gru", 2)])
def test_joined_gates_are_one_product(cell, products):
    later = "split-gates,join-products,canonicalize,cse,fuse-gates,canonicalize,cse,dce"
    module = check_same(Network((cell,)), "decompose-cells", later)
    (scan,) = scans(module)
    assert sum(isinstance(op, nn.MatmulOp) for op in scan.body.block.ops) == products


@pytest.mark.parametrize(("cell", "products", "chains"), [("lstm", 8, 8), ("gru", 6, 6)])
def test_a_gate_is_a_chain(cell, products, chains):
    module = check_same(Network((cell,)), "decompose-cells", "split-gates,dce,form-chains")
    (scan,) = scans(module)
    body = list(scan.body.block.ops)
    assert sum(isinstance(op, nn.MatmulOp) for op in body) == products
    assert any(f"a step is {chains} chains" in note for note in remarks(module))
    # What needs the input alone comes first.
    first = next(k for k, op in enumerate(body) if set(op.operands) & set(scan.state_args))
    assert sum(isinstance(op, nn.MatmulOp) for op in body[:first]) == products // 2
    # Each sum stands behind its product.
    for before, after in pairwise(body):
        if isinstance(after, nn.BinaryOp) and isinstance(before, nn.MatmulOp):
            assert before.result in after.operands


def test_what_is_read_whole_stays_whole():
    g = Graph()
    x, w = g.input((5, 2, 4)), g.const(np.ones((6, 4)))

    def step(_, a, s):
        whole = g.add(nn.MatmulOp(a, w, transpose_b=True))
        left = g.add(nn.SliceOp(whole, [0, 0], [2, 3]))
        right = g.add(nn.SliceOp(whole, [0, 3], [2, 3]))
        total = g.add(nn.ReduceOp("sum", whole, [1], keepdims=True))
        new = g.add(nn.BinaryOp("mul", left, right))
        return [g.add(nn.BinaryOp("add", g.add(nn.BinaryOp("add", s, new)), total))]

    op = g.scan([x], [g.const(np.zeros((2, 3)))], step, 5)
    module = transform(g.module(op.states[0]), "split-gates")
    assert any("no product is read gate by gate only" in note for note in remarks(module))
