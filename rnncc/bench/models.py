"""Recurrent models of a given kind and size, with random weights: what the suites and the benchmarks compile."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@lru_cache(maxsize=8)
def recurrent_model(
    kind: str,
    hidden: int,
    steps: int,
    batch: int = 1,
    features: int | None = None,
    seed: int = 0,
    *,
    layers: int = 1,
    bidirectional: bool = False,
) -> onnx.ModelProto:
    """Stacked recurrent layers with constant weights.

    Input ``x`` [steps, batch, features]; outputs ``y`` [steps, directions, batch, hidden] and ``y_h`` [directions,
    batch, hidden] of the last layer. The model is shared between calls: do not change it.

    Args:
        kind: ``LSTM``, ``GRU`` or ``RNN``.
        hidden: hidden size of every layer.
        steps: timesteps.
        batch: sequences.
        features: input size; the hidden size when None.
        seed: of the weights, uniform in +-1/sqrt(hidden) as PyTorch draws them.
        layers: how many layers, each fed by the one below.
        bidirectional: whether every layer runs both ways.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    features = features or hidden
    rng = np.random.default_rng(seed)
    rows, bound, ways = GATES[kind] * hidden, hidden**-0.5, 1 + bidirectional
    weights, nodes = [], []

    def weight(name: str, *shape: int) -> str:
        values = rng.uniform(-bound, bound, shape).astype(np.float32)
        weights.append(numpy_helper.from_array(values, name))
        return name

    attributes: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    if bidirectional:
        attributes["direction"] = "bidirectional"
    source, width = "x", features
    for k in range(layers):
        suffix, last = str(k) if layers > 1 else "", k == layers - 1
        names = [
            weight(f"w{suffix}", ways, rows, width),
            weight(f"r{suffix}", ways, rows, hidden),
            weight(f"b{suffix}", ways, 2 * rows),
        ]
        made = ["y", "y_h"] if last else [f"y{k}"]
        name = f"{kind.lower()}{k}"
        nodes.append(
            helper.make_node(
                kind, [source, *names], made, name=name, hidden_size=hidden, **attributes
            )
        )
        if not last:
            # [T, ways, B, h] to [T, B, ways * h], as the exporters write it.
            shape = numpy_helper.from_array(np.array([0, 0, -1], np.int64), f"shape{k}")
            weights.append(shape)
            nodes.append(helper.make_node("Transpose", made, [f"t{k}"], perm=[0, 2, 1, 3]))
            nodes.append(helper.make_node("Reshape", [f"t{k}", shape.name], [f"x{k}"]))
            source, width = f"x{k}", ways * hidden
    graph = helper.make_graph(
        nodes,
        f"{kind.lower()}_{hidden}",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, batch, features])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [steps, ways, batch, hidden]),
            helper.make_tensor_value_info("y_h", TensorProto.FLOAT, [ways, batch, hidden]),
        ],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
