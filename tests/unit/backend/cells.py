"""Small recurrent models of every kind of cell, for the schedules' tests."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.benchmarks.models import recurrent_model

STEPS = 24


def plain(kind, hidden, batch=1, **options):
    """A layer, a stack (``layers=2``) or a bidirectional layer."""
    return recurrent_model(kind, hidden, STEPS, batch, **options).SerializeToString()


def lstm_with_peepholes(hidden):
    """An LSTM whose gates see the cell's state; only the form with peepholes has that input."""
    return _named("LSTM", hidden, 4, extra={"p": (1, 3 * hidden)})


def gru_reset_before(hidden):
    """A GRU that resets the state before the product: two products, one after the other."""
    return _named("GRU", hidden, 3, attributes={"linear_before_reset": 0})


def _named(kind, hidden, gates, extra=None, attributes=None):
    shapes = {
        "w": (1, gates * hidden, hidden),
        "r": (1, gates * hidden, hidden),
        "b": (1, 2 * gates * hidden),
        **(extra or {}),
    }
    inputs = ["x", "w", "r", "b"] + (["", "", "", "p"] if extra else [])
    node = helper.make_node(kind, inputs, ["y"], hidden_size=hidden, **(attributes or {}))
    return _model([node], _weights(shapes), [1, 1, hidden], hidden)


def min_gru(hidden, layers=1):
    """minGRU (Feng et al. 2024) as ONNX Scans: gates from the input alone, so that no product waits for the state."""
    nodes, shapes = [], {}
    for k in range(layers):
        source = "x" if not k else f"y{k - 1}"
        shapes |= {f"wz{k}": (hidden, hidden), f"wh{k}": (hidden, hidden)}
        shapes |= {f"bz{k}": (hidden,), f"bh{k}": (hidden,), f"h0{k}": (1, hidden)}
        step = [
            helper.make_node("MatMul", ["xt", f"wz{k}"], ["pz"]),
            helper.make_node("Add", ["pz", f"bz{k}"], ["qz"]),
            helper.make_node("Sigmoid", ["qz"], ["z"]),
            helper.make_node("MatMul", ["xt", f"wh{k}"], ["ph"]),
            helper.make_node("Add", ["ph", f"bh{k}"], ["c"]),
            helper.make_node("Sub", ["c", "h"], ["d"]),
            helper.make_node("Mul", ["z", "d"], ["zd"]),
            helper.make_node("Add", ["h", "zd"], ["hn"]),
            helper.make_node("Identity", ["hn"], ["yt"]),
        ]
        ports = [[1, hidden]] * 2
        body = helper.make_graph(
            step,
            "step",
            [_value(n, s) for n, s in zip(("h", "xt"), ports, strict=True)],
            [_value(n, s) for n, s in zip(("hn", "yt"), ports, strict=True)],
        )
        made = "y" if k == layers - 1 else f"y{k}"
        nodes.append(
            helper.make_node(
                "Scan", [f"h0{k}", source], [f"e{k}", made], num_scan_inputs=1, body=body
            )
        )
    return _model(nodes, _weights(shapes), [1, hidden], hidden)


def _value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _weights(shapes):
    rng = np.random.default_rng(0)
    return [
        numpy_helper.from_array(rng.uniform(-0.2, 0.2, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]


def _model(nodes, weights, each, hidden):
    x = _value("x", [STEPS, 1, hidden])
    graph = helper.make_graph(nodes, "cell", [x], [_value("y", [STEPS, *each])], weights)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
