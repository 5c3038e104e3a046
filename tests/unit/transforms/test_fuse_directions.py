"""fuse-directions: independent scans advance together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.dialects import nn
from rnncc.errors import PassError
from tests.unit.lower.build import Graph

from .stacks import Network, check_same, networks, remarks, scans, transform

EARLIER = ("decompose-cells", "decompose-cells,fuse-gates,hoist-input-projection",
           "decompose-cells,lower-lengths")  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(networks(directions=("f", "b", "both", "both")), st.sampled_from(EARLIER))
def test_any_network(network, earlier):
    check_same(network, earlier, "fuse-directions")


@pytest.mark.parametrize("length", ["static", "symbol", "lens"])
@pytest.mark.parametrize("earlier", EARLIER)
def test_halves_become_one(length, earlier):
    net = Network(("lstm", "gru"), directions=("both", "both"), length=length)
    module = check_same(net, earlier, "fuse-directions")
    assert len(scans(module)) == 2
    assert len([r for r in remarks(module) if "advance together" in r]) == 2


def heads(count: int, steps: tuple[int, ...] = ()) -> Graph:
    """Independent sums over inputs of their own, and one that needs the first of them."""
    g = Graph()
    h = g.input((3,))
    every = []
    for k in range(count):
        n = steps[k] if steps else 5
        x = g.input((n, 3))
        op = g.scan([x], [h], lambda _, a, s: [g.add(nn.BinaryOp("add", a, s))], n)
        every += [g.add(nn.UnaryOp("neg", op.states[0]))]
    g.results = every  # type: ignore[attr-defined]
    return g


@pytest.mark.parametrize(("most", "left"), [(None, 1), (2, 3), (3, 2), (5, 1)])
def test_more_than_two(most, left):
    g = heads(5)
    option = "" if most is None else f"{{max-scans={most}}}"
    module = transform(g.module(*g.results), f"fuse-directions{option}")  # type: ignore[attr-defined]
    assert len(scans(module)) == left
    if most in (2, 3):
        assert any("as max-scans allows" in note for note in remarks(module))


def test_own_number_of_steps():
    g = heads(3, (5, 4, 5))
    module = transform(g.module(*g.results), "fuse-directions")  # type: ignore[attr-defined]
    assert len(scans(module)) == 2
    assert any("has its own number of steps" in note for note in remarks(module))


def test_weights_that_do_not_fit_together():
    net = Network(("lstm",), batch=1, width=200, directions=("both",))
    module = check_same(net, EARLIER[1], "fuse-directions{target=tpu-v1}")
    assert len(scans(module)) == 2
    assert any("tpu-v1 keeps" in note for note in remarks(module))
    always = transform(net.module(), f"{EARLIER[1]},fuse-directions{{target=tpu-v1 always=true}}")
    assert len(scans(always)) == 1


def test_refused():
    with pytest.raises(PassError, match="2 or more"):
        transform(Network(("gru",)).module(), "decompose-cells,fuse-directions{max-scans=1}")
