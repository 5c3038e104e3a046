"""Models for one sequence, and what each of several sequences gives alone."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def cell_model(
    kind: str,
    *,
    features: int = 3,
    hidden: int = 4,
    steps: int | str = "T",
    layers: int = 1,
    direction: str = "forward",
    seed: int = 0,
):
    """Stacked layers: x [T, 1, D] to y [T, dirs, 1, h] and the last layer's final state."""
    random = np.random.default_rng(seed)
    directions = 2 if direction == "bidirectional" else 1
    weights, nodes, source, width = [], [], "x", features
    for layer in range(layers):
        shapes = {
            "W": (directions, GATES[kind] * hidden, width),
            "R": (directions, GATES[kind] * hidden, hidden),
            "B": (directions, 2 * GATES[kind] * hidden),
        }
        names = [f"{name}{layer}" for name in shapes]
        for name, shape in zip(names, shapes.values(), strict=True):
            array = random.standard_normal(shape).astype(np.float32) / 2
            weights.append(numpy_helper.from_array(array, name))
        last = layer == layers - 1
        out = "y" if last else f"y{layer}"
        nodes.append(
            helper.make_node(
                kind,
                [source, *names],
                [out, "h"] if last else [out],
                hidden_size=hidden,
                direction=direction,
                name=f"layer{layer}",
            )
        )
        if not last:
            weights.append(numpy_helper.from_array(np.array([0, 0, -1], np.int64), f"shape{layer}"))
            nodes.append(helper.make_node("Transpose", [out], [f"t{layer}"], perm=[0, 2, 1, 3]))
            nodes.append(helper.make_node("Reshape", [f"t{layer}", f"shape{layer}"], [f"x{layer}"]))
            source, width = f"x{layer}", directions * hidden
    return _model(
        nodes,
        [("x", [steps, 1, features])],
        [("y", [steps, directions, 1, hidden]), ("h", [directions, 1, hidden])],
        weights,
    )


def scan_model(*, features: int = 3, steps: int | str = "T", reverse: bool = False, seed: int = 0):
    """A cell of the user's own, without any batch axis: x [T, D], state [D], as ONNX Scan."""
    random = np.random.default_rng(seed)
    array = random.standard_normal((features, features)).astype(np.float32) / 2
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["s", "A"], ["p"], name="product"),
            helper.make_node("Add", ["p", "xt"], ["q"]),
            helper.make_node("Tanh", ["q"], ["n"]),
            helper.make_node("Mul", ["n", "s"], ["o"]),
        ],
        "step",
        [_value("s", [features]), _value("xt", [features])],
        [_value("n", [features]), _value("o", [features])],
        [numpy_helper.from_array(array, "A")],
    )
    initial = numpy_helper.from_array(np.ones(features, np.float32), "s0")
    node = helper.make_node(
        "Scan",
        ["s0", "x"],
        ["h", "y"],
        body=body,
        num_scan_inputs=1,
        scan_input_directions=[int(reverse)],
        scan_output_directions=[int(reverse)],
        name="mine",
    )
    outputs = [("y", [steps, features]), ("h", [features])]
    return _model([node], [("x", [steps, features])], outputs, [initial])


def _value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(nodes, inputs, outputs, weights):
    graph = helper.make_graph(
        nodes,
        "batch",
        [_value(*i) for i in inputs],
        [_value(*o) for o in outputs],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
