"""Single-layer recurrent models of a given size, written as ``.onnx`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent_model(
    kind: str, hidden: int, steps: int, batch: int = 1, features: int | None = None, seed: int = 0
) -> onnx.ModelProto:
    """One layer with constant weights; input ``x`` [steps, batch, features], outputs ``y`` and ``y_h``.

    Args:
        kind: ``LSTM``, ``GRU`` or ``RNN``.
        hidden: hidden size.
        steps: timesteps.
        batch: sequences.
        features: input size; the hidden size when None.
        seed: of the weights, uniform in +-1/sqrt(hidden) as PyTorch draws them.
    """
    features = features or hidden
    rng = np.random.default_rng(seed)
    rows = GATES[kind] * hidden
    bound = hidden**-0.5

    def weight(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(rng.uniform(-bound, bound, shape).astype(np.float32), name)

    initializers = [
        weight("w", 1, rows, features),
        weight("r", 1, rows, hidden),
        weight("b", 1, 2 * rows),
    ]
    attributes: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    node = helper.make_node(
        kind,
        ["x", "w", "r", "b"],
        ["y", "y_h"],
        name=f"{kind.lower()}0",
        hidden_size=hidden,
        **attributes,
    )
    graph = helper.make_graph(
        [node],
        f"{kind.lower()}_{hidden}",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, batch, features])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [steps, 1, batch, hidden]),
            helper.make_tensor_value_info("y_h", TensorProto.FLOAT, [1, batch, hidden]),
        ],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def model_file(folder: Path, kind: str, hidden: int, steps: int, batch: int = 1) -> Path:
    """The model as a file in ``folder``, made if it is not there."""
    path = folder / f"{kind.lower()}_h{hidden}_t{steps}_b{batch}.onnx"
    if not path.exists():
        path.write_bytes(recurrent_model(kind, hidden, steps, batch).SerializeToString())
    return path
