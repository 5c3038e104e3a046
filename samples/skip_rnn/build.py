"""Skip RNN (Campos et al., ICLR 2018) as a PyTorch user would export it by hand: one ONNX Scan with Where.

A gate u~ in 0..1 accumulates; a step whose rounded gate is 0 keeps the state. Equations 2 to 6 of
arXiv:1708.06834: u = round(u~); s = u S(s, x) + (1 - u) s; du = sigmoid(s Wp + bp);
u~' = u du + (1 - u) (u~ + min(du, 1 - u~)).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def weights(cell: str, inputs: int, hidden: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights: W [n h, x], R [n h, h], B [n h], Wp [h, 1], bp [1]; n = 4 (lstm) or 3 (gru)."""
    rng = np.random.default_rng(seed)
    rows = {"lstm": 4, "gru": 3}[cell] * hidden
    shapes = {"W": (rows, inputs), "R": (rows, hidden), "B": (rows,), "Wp": (hidden, 1)}
    made = {k: rng.normal(0, 1 / np.sqrt(s[-1]), s).astype(np.float32) for k, s in shapes.items()}
    return {**made, "bp": np.full(1, -0.5, np.float32)}


def skip_rnn(
    cell: str,
    values: Mapping[str, np.ndarray],
    *,
    steps: int | str = "T",
    batch: int = 1,
    head: tuple[np.ndarray, np.ndarray] | None = None,
) -> onnx.ModelProto:
    """A model with input x [T, batch, x] and outputs y [T, batch, h], updates [T, batch, 1] (1 where a
    step was computed) and h [batch, h] (with `head`, a matrix [h, n] and a bias [n], instead of y and h:
    scores [batch, n]).

    Args:
        cell: ``lstm`` (gates i o f c, states h and c) or ``gru`` (gates z r h, linear_before_reset).
        values: see `weights`.
        steps: the number of steps, or the name of a dimension.
    """
    hidden, inputs = values["R"].shape[1], values["W"].shape[1]
    states = ["h", "c"] if cell == "lstm" else ["h"]
    node = helper.make_node
    body = [
        node("Round", ["u"], ["on"]),
        node("Cast", ["on"], ["update"], to=TensorProto.BOOL),
        *(_lstm() if cell == "lstm" else _gru()),
        *(
            node("Where", ["update", f"{s}_cell", s], [f"{s}_out"], name=f"keep_{s}")
            for s in states
        ),
        node("MatMul", ["h_cell", "Wp"], ["p"], name="gate"),
        node("Add", ["p", "bp"], ["pb"]),
        node("Sigmoid", ["pb"], ["du_cell"]),
        node("Where", ["update", "du_cell", "du"], ["du_out"], name="keep_du"),
        node("Sub", ["one", "u"], ["room"]),
        node("Min", ["du", "room"], ["more"]),
        node("Add", ["u", "more"], ["grown"]),
        node("Where", ["update", "du_out", "grown"], ["u_out"], name="keep_u"),
        node("Identity", ["h_out"], ["y_t"]),
        node("Identity", ["on"], ["on_t"]),
    ]
    f32 = TensorProto.FLOAT

    def info(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, f32, shape)

    carried = [(s, hidden) for s in states] + [("du", 1), ("u", 1)]
    step = helper.make_graph(
        body,
        "step",
        [*(info(s, batch, n) for s, n in carried), info("x_t", batch, inputs)],
        [*(info(f"{s}_out", batch, n) for s, n in carried), info("y_t", batch, hidden), info("on_t", batch, 1)],
    )  # fmt: skip
    start = {s: np.zeros((batch, n), np.float32) for s, n in carried}
    start["u"] = np.ones((batch, 1), np.float32)
    constants = {**{f"{s}0": v for s, v in start.items()}, "one": np.ones((), np.float32)}
    constants |= {"WT": values["W"].T.copy(), "RT": values["R"].T.copy(), "B": values["B"]}
    constants |= {"Wp": values["Wp"], "bp": values["bp"]}
    finals = [f"{s}_T" for s, _ in carried]
    nodes = [
        node("Scan", [*(f"{s}0" for s, _ in carried), "x"], [*finals, "y", "updates"], name="skip_rnn",
             body=step, num_scan_inputs=1)
    ]  # fmt: skip
    outputs = [
        info("y", steps, batch, hidden),
        info("updates", steps, batch, 1),
        info("h_T", batch, hidden),
    ]
    if head is not None:
        constants |= {"Wo": head[0], "bo": head[1]}
        nodes += [node("MatMul", ["h_T", "Wo"], ["o"]), node("Add", ["o", "bo"], ["scores"])]
        outputs = [info("scores", batch, head[0].shape[1]), outputs[1]]
    graph = helper.make_graph(
        nodes,
        "skip_rnn",
        [info("x", steps, batch, inputs)],
        outputs,
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def _lstm() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("MatMul", ["x_t", "WT"], ["xw"], name="input_product"),
        node("MatMul", ["h", "RT"], ["hr"], name="state_product"),
        node("Add", ["xw", "hr"], ["sum"]),
        node("Add", ["sum", "B"], ["z"]),
        node("Split", ["z"], ["zi", "zo", "zf", "zc"], axis=1),
        *(node("Sigmoid", [f"z{k}"], [k]) for k in "iof"),
        node("Tanh", ["zc"], ["g"]),
        node("Mul", ["f", "c"], ["kept"]),
        node("Mul", ["i", "g"], ["new"]),
        node("Add", ["kept", "new"], ["c_cell"]),
        node("Tanh", ["c_cell"], ["squashed"]),
        node("Mul", ["o", "squashed"], ["h_cell"]),
    ]


def _gru() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("MatMul", ["x_t", "WT"], ["xw"], name="input_product"),
        node("MatMul", ["h", "RT"], ["hr"], name="state_product"),
        node("Add", ["xw", "B"], ["xb"]),
        node("Split", ["xb"], ["xz", "xr", "xh"], axis=1),
        node("Split", ["hr"], ["hz", "hrr", "hh"], axis=1),
        node("Add", ["xz", "hz"], ["sz"]),
        node("Sigmoid", ["sz"], ["z"]),
        node("Add", ["xr", "hrr"], ["sr"]),
        node("Sigmoid", ["sr"], ["r"]),
        node("Mul", ["r", "hh"], ["rh"]),
        node("Add", ["xh", "rh"], ["sh"]),
        node("Tanh", ["sh"], ["n"]),
        node("Sub", ["h", "n"], ["d"]),
        node("Mul", ["z", "d"], ["zd"]),
        node("Add", ["n", "zd"], ["h_cell"]),
    ]
