"""wavefront-layers: the same values on the diagonal, and what it declines."""

import pytest
from hypothesis import given, settings

from rnncc.dialects import nn
from rnncc.errors import PassError
from tests.unit.lower.build import Graph

from .stacks import BETWEEN, Network, check_same, networks, remarks, scans, transform

HOISTED = "decompose-cells,fuse-gates,hoist-input-projection"


@settings(max_examples=25, deadline=None)
@given(networks())
def test_any_stack(network):
    check_same(network, HOISTED, "wavefront-layers")


@settings(max_examples=15, deadline=None)
@given(networks(directions=("f", "b", "both")))
def test_any_directions(network):
    check_same(network, "decompose-cells", "wavefront-layers,hoist-input-projection,lower-lengths")


@pytest.mark.parametrize("length", ["static", "symbol", "lens"])
@pytest.mark.parametrize("between", BETWEEN)
def test_one_scan(between, length):
    net = Network(("lstm", "gru", "own"), between=(between,) * 2, length=length, every=True)
    module = check_same(net, HOISTED, "wavefront-layers", range(4))
    (scan,) = scans(module)
    assert scan.count == (4 if length == "static" else 6)
    assert any("3 recurrences" in note and "run together" in note for note in remarks(module))


@pytest.mark.parametrize("length", ["static", "symbol"])
def test_backward_stack(length):
    net = Network(("lstm", "gru"), directions=("b", "b"), length=length, every=True)
    assert len(scans(check_same(net, HOISTED, "wavefront-layers"))) == 1


def test_last_step_of_all_layers_at_once():
    net = Network(("gru",) * 4, steps=4, every=True)
    (scan,) = scans(check_same(net, HOISTED, "wavefront-layers"))
    assert scan.count == 1


def declined(network: Network, text: str, options: str = "", left: int = 2) -> None:
    module = check_same(network, HOISTED, f"wavefront-layers{options}")
    assert len(scans(module)) == left
    assert any(text in note for note in remarks(module)), remarks(module)


def test_stops_at_a_bidirectional_layer():
    net = Network(("lstm", "lstm", "gru"), directions=("f", "both", "f"))
    module = check_same(net, HOISTED, "wavefront-layers")
    assert len(scans(module)) == 4
    assert any("half of a bidirectional layer" in note for note in remarks(module))
    fused = check_same(net, HOISTED, "fuse-directions,wavefront-layers")
    assert any("to be finished" in note for note in remarks(module))
    assert len(scans(fused)) == 3
    assert any("in the other direction" in note for note in remarks(fused))


def test_stops_where_steps_mix():
    net = Network(("lstm", "lstm"), between=("flip",))
    declined(net, "nn.slice between 'lstm_1' and the scans below mixes steps")


def test_stops_at_rows_that_run_backward():
    declined(Network(("gru", "gru"), directions=("b", "b"), length="lens"), "rows run backward")


def test_fewer_steps_than_layers():
    declined(Network(("own",) * 3, steps=2), "2 steps are fewer than 3 layers")


def test_most_layers():
    declined(Network(("own",) * 3), "2 layers already", "{max-layers=2}")


def test_weights_that_do_not_fit_together():
    net = Network(("lstm", "lstm"), batch=1, width=200)
    declined(net, "tpu-v1 keeps", "{target=tpu-v1}")
    assert len(scans(transform(net.module(), f"{HOISTED},wavefront-layers{{always=true}}"))) == 1


def stack(upper):
    """Two scans of a graph; `upper` makes the second from the graph, the input and the first."""
    g = Graph()
    x, h = g.input((5, 3)), g.input((3,))
    lower = g.scan([x], [h], lambda _, a, s: [g.add(nn.BinaryOp("add", a, s))] * 2, 5)
    scan = upper(g, x, lower)
    return transform(g.module(*scan.results), "wavefront-layers")


def test_an_encoder_is_finished_before_its_decoder():
    def decoder(g, x, lower):
        return g.scan(
            [lower.outputs[0]], [lower.states[0]],
            lambda _, a, s: [g.add(nn.BinaryOp("mul", a, s))] * 2, 5,
        )  # fmt: skip

    module = stack(decoder)
    assert any("needs more of the scans below" in note for note in remarks(module))


def test_attention_over_all_steps_is_not_a_layer():
    def attention(g, x, lower):
        def body(_, a, s):
            seen = g.add(nn.ReduceOp("max", lower.outputs[0], [0]))
            return [g.add(nn.BinaryOp("add", seen, g.add(nn.BinaryOp("mul", a, s))))] * 2

        return g.scan([x], [lower.inits[0]], body, 5)

    assert any("needs more of the scans below" in note for note in remarks(stack(attention)))


def test_addresses_are_not_computed_past_the_end():
    g = Graph({"T": 5})
    x, h, table = g.input((5, 1), symbols=["T", ""]), g.input((1,)), g.const([[1.0], [2.0]])
    lower = g.scan([x], [h], lambda _, a, s: [g.add(nn.BinaryOp("add", a, s))] * 2, 5, "T")

    def body(t, a, s):
        index = g.add(nn.BinaryOp("mod", t, g.const(2, "i8")))
        row = g.add(nn.GatherOp(table, index, 0))
        return [g.add(nn.BinaryOp("add", row, g.add(nn.BinaryOp("mul", a, s))))] * 2

    upper = g.scan([lower.outputs[0]], [h], body, 5, "T")
    module = transform(g.module(*upper.results), "wavefront-layers")
    assert any("computes addresses" in note for note in remarks(module))


def test_refused():
    with pytest.raises(PassError, match="2 or more layers"):
        transform(Network(("gru",)).module(), "decompose-cells,wavefront-layers{max-layers=0}")
