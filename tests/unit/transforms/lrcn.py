"""Small LRCNs (a CNN on every frame, a recurrence over them) and clips whose frames mostly stay."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def lrcn(
    *,
    steps: int | str = 8,
    batch: int = 1,
    cell: str = "LSTM",
    batch_first: bool = False,
    dtype: type = np.float32,
    layers: int = 1,
    size: int = 6,
    hidden: int = 4,
) -> onnx.ModelProto:
    """Input x [T, B, 2, s, s] (batch_first [B, T, ...]) of f32 or ui8; outputs scores [B, 3], ys [T, B, h]."""
    rng, node = np.random.default_rng(0), helper.make_node
    constants: list[onnx.TensorProto] = []

    def weight(name: str, *shape: int) -> str:
        array = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        constants.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def whole(name: str, values: list[int]) -> str:
        constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    width = 3 * (size // 2) ** 2
    time = -1 if isinstance(steps, str) else steps
    split = [batch, time, width] if batch_first else [time, batch, width]
    nodes = [
        node("Cast", ["x"], ["whole"], to=TensorProto.FLOAT),
        node("Mul", ["whole", "unit"], ["xf"]),
        node("Reshape", ["xf", whole("frames", [-1, 2, size, size])], ["f"]),
        node("Conv", ["f", weight("k", 3, 2, 3, 3), weight("kb", 3)], ["c"], "conv", pads=[1] * 4),
        node("Relu", ["c"], ["r"]),
        node("MaxPool", ["r"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["p"], ["flat"]),
        node("Reshape", ["flat", whole("split", split)], ["s0"]),
    ]
    if batch_first:
        nodes.append(node("Transpose", ["s0"], ["s0t"], perm=[1, 0, 2]))
    source = "s0t" if batch_first else "s0"
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[cell]
    for k in range(layers):
        given = [
            weight(f"W{k}", 1, gates * hidden, width),
            weight(f"R{k}", 1, gates * hidden, hidden),
            weight(f"B{k}", 1, 2 * gates * hidden),
        ]
        nodes.append(
            node(cell, [source, *given], [f"y{k}", f"h{k}"], f"rnn{k}", hidden_size=hidden)
        )
        nodes.append(node("Squeeze", [f"y{k}", whole(f"axis{k}", [1])], [f"s{k + 1}"]))
        source, width = f"s{k + 1}", hidden
    nodes += [
        node("Identity", [source], ["ys"]),
        node("Squeeze", [f"h{layers - 1}", whole("first", [0])], ["h"]),
        node("MatMul", ["h", weight("O", hidden, 3)], ["scores"]),
    ]
    shape = [batch, steps] if batch_first else [steps, batch]
    unit = 1 / 255 if dtype is np.uint8 else 1
    constants.append(numpy_helper.from_array(np.array(unit, np.float32), "unit"))
    kind = TensorProto.UINT8 if dtype is np.uint8 else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "lrcn",
        [helper.make_tensor_value_info("x", kind, [*shape, 2, size, size])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 3]),
            helper.make_tensor_value_info("ys", TensorProto.FLOAT, [steps, batch, hidden]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def clip(
    steps: int, cuts: Collection[int], *, batch: int = 1, size: int = 6, seed: int = 0
) -> np.ndarray:
    """Frames [T, B, 2, s, s]: new ones at `cuts`, elsewhere those before with a little noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((steps, batch, 2, size, size)).astype(np.float32)
    for t in range(1, steps):
        if t not in cuts:
            x[t] = x[t - 1] + 1e-3 * x[t]
    return x


def distance(metric: str, x: np.ndarray, last: np.ndarray) -> float:
    """The metrics of gate-frames, in float64."""
    x, last = x.astype(np.float64).ravel(), last.astype(np.float64).ravel()
    if metric == "l2":
        return float(np.linalg.norm(x - last) / np.linalg.norm(last))
    if metric == "linf":
        return float(np.abs(x - last).max())
    return float(1 - x @ last / (np.linalg.norm(x) * np.linalg.norm(last)))


def processed(
    metric: str, threshold: float, x: np.ndarray, lens: np.ndarray | None = None
) -> list[int]:
    """The steps of x [T, B, ...] that a gate with rows does not skip."""
    done: list[int] = []
    for t in range(len(x)):
        rows = range(x.shape[1]) if lens is None else np.flatnonzero(lens > t)
        if not done or any(distance(metric, x[t, b], x[done[-1], b]) > threshold for b in rows):
            done.append(t)
    return done
