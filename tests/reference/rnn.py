"""ONNX LSTM, GRU and RNN in plain NumPy float64, independent of the compiler.

Written from the operator specification alone, one step, one row, one gate at a time. Where the
specification is silent it follows ONNX Runtime, as noted beside the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
DEFAULT_ACTIVATIONS = {
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "GRU": ("Sigmoid", "Tanh"),
    "RNN": ("Tanh",),
}


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# name -> (function of x, alpha, beta; default alpha; default beta)
FUNCTIONS: dict[str, tuple[Callable[..., Array], float | None, float | None]] = {
    "relu": (lambda x, a, b: np.maximum(x, 0), None, None),
    "tanh": (lambda x, a, b: np.tanh(x), None, None),
    "sigmoid": (lambda x, a, b: 1 / (1 + np.exp(-x)), None, None),
    "affine": (lambda x, a, b: a * x + b, 1.0, 0.0),
    "leakyrelu": (lambda x, a, b: np.where(x >= 0, x, a * x), 0.01, None),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1.0, None),
    # ONNX gives ScaledTanh no defaults.
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), np.nan, np.nan),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
    "elu": (lambda x, a, b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0))), 1.0, None),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), None, None),
    "softplus": (lambda x, a, b: _softplus(x), None, None),
}


def run_node(
    op_type: str, attributes: dict[str, Any], inputs: Sequence[Array | None]
) -> list[Array]:
    """All outputs of one node, in float64.

    Args:
        op_type: LSTM, GRU or RNN.
        attributes: the node's attributes as Python values.
        inputs: the node's inputs in order, None where missing.

    Returns:
        [Y, Y_h] and Y_c for LSTM, in the layout that the attribute asks for.
    """
    gates, hidden = GATES[op_type], attributes["hidden_size"]
    x, w, r, bias, lens, h0, c0, peep = [*inputs, *[None] * (8 - len(inputs))]
    assert x is not None and w is not None and r is not None
    batch_first = attributes.get("layout", 0) == 1
    if batch_first:
        x = np.swapaxes(x, 0, 1)
        h0 = None if h0 is None else np.swapaxes(h0, 0, 1)
        c0 = None if c0 is None else np.swapaxes(c0, 0, 1)
    steps, batch, _ = x.shape
    names = _directions(attributes)
    functions = _activations(op_type, attributes, len(names))
    y = np.zeros((steps, len(names), batch, hidden))
    states = [np.zeros((len(names), batch, hidden)) for _ in range(2)]
    for d, backward in enumerate(names):
        for row in range(batch):
            n = steps if lens is None else int(lens[row])
            b = np.zeros(2 * gates * hidden) if bias is None else bias[d].astype(float)
            p = np.zeros(3 * hidden) if peep is None else peep[d].astype(float)
            h = np.zeros(hidden) if h0 is None else h0[d, row].astype(float)
            c = np.zeros(hidden) if c0 is None else c0[d, row].astype(float)
            for t in reversed(range(n)) if backward else range(n):
                xs = w[d].astype(float) @ x[t, row].astype(float)
                h, c = _step(op_type, attributes, functions[d], xs, r[d].astype(float), b, p, h, c)
                y[t, d, row] = h
            if n == 0:
                # ONNX Runtime answers zero, not the initial state, for an empty row.
                h, c = np.zeros(hidden), np.zeros(hidden)
            states[0][d, row], states[1][d, row] = h, c
    outputs = [y, *states]
    if batch_first:
        outputs = [y.transpose(2, 0, 1, 3), *(np.swapaxes(s, 0, 1) for s in states)]
    return outputs[: 3 if op_type == "LSTM" else 2]


def _directions(attributes: dict[str, Any]) -> list[bool]:
    direction = attributes.get("direction", "forward")
    return {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]


def _activations(
    op_type: str, attributes: dict[str, Any], directions: int
) -> list[list[Callable[[Array], Array]]]:
    default = DEFAULT_ACTIVATIONS[op_type]
    names = attributes.get("activations") or list(default) * directions
    alphas = list(attributes.get("activation_alpha") or [])
    betas = list(attributes.get("activation_beta") or [])
    bound = []
    for name in names:
        function, alpha, beta = FUNCTIONS[name.lower()]
        if alpha is not None and alphas:
            alpha = alphas.pop(0)
        if beta is not None and betas:
            beta = betas.pop(0)
        bound.append(lambda v, f=function, a=alpha, b=beta: f(v, a, b))
    each = len(default)
    return [bound[k * each : (k + 1) * each] for k in range(directions)]


def _step(op_type, attributes, functions, xs, r, bias, peep, h, c) -> tuple[Array, Array]:
    hidden = len(h)
    bound = attributes.get("clip")

    def clip(v: Array) -> Array:
        return v if not bound else np.clip(v, -bound, bound)

    def gate(k: int, v: Array) -> Array:
        return v[k * hidden : (k + 1) * hidden]

    wb, rb = np.split(bias, 2)
    rs = r @ h
    whole = xs + rs + wb + rb
    if op_type == "RNN":
        return functions[0](clip(whole)), c
    if op_type == "GRU":
        f, g = functions
        z, reset = f(clip(gate(0, whole))), f(clip(gate(1, whole)))
        if attributes.get("linear_before_reset", 0):
            inner = gate(2, xs) + gate(2, wb) + reset * (gate(2, rs) + gate(2, rb))
        else:
            inner = gate(2, xs) + gate(2, wb) + gate(2, r) @ (reset * h) + gate(2, rb)
        n = g(clip(inner))
        return (1 - z) * n + z * h, c
    f, g, out = functions
    pi, po, pf = np.split(peep, 3)
    i = f(clip(gate(0, whole) + pi * c))
    forget = f(clip(gate(2, whole) + pf * c))
    if attributes.get("input_forget", 0):
        forget = 1 - i
    cell = forget * c + i * g(clip(gate(3, whole)))
    o = f(clip(gate(1, whole) + po * cell))
    # The specification would clip before h too; ONNX Runtime does not.
    return o * out(cell), cell
