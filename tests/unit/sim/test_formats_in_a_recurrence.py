"""An LSTM in each machine's formats, against one written here in NumPy from the formats' definitions alone."""

import ml_dtypes
import numpy as np
import pytest
from onnx import numpy_helper

import rnncc
from rnncc.bench.models import recurrent_model

HIDDEN, STEPS = 40, 6
Rows = np.ndarray


def blocks(x: Rows, mantissa: int, block: int) -> Rows:
    """Block floating point: an exponent of 5 bits for each block of a row."""
    out = np.empty_like(x)
    for i, row in enumerate(x):
        for start in range(0, len(row), block):
            part = row[start : start + block].astype(np.float64)
            largest = np.abs(part).max()
            exponent = np.clip(np.floor(np.log2(largest)), -15, 16) if largest else -15
            step, most = 2.0 ** (exponent - mantissa + 1), 2**mantissa - 1
            out[i, start : start + block] = np.clip(np.round(part / step), -most, most) * step
    return out


def integers(x: Rows, bits: int) -> Rows:
    """Symmetric integers, a scale a row."""
    scale = np.abs(x.astype(np.float64)).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    scale[scale == 0] = 1
    return (np.round(x / scale) * scale).astype(np.float32)


def through(kind):
    return lambda x: x.astype(kind).astype(np.float32)


bf16, half, single = through(ml_dtypes.bfloat16), through(np.float16), through(np.float32)
FORMATS = {
    # Weights, operands, what is stored, and how far apart one rounding more or less may lead.
    "bw-s10": (lambda w: blocks(w, 2, 400), lambda x: blocks(x, 2, 400), half, 5e-2),
    "bw-a10": (lambda w: blocks(w, 2, 128), lambda x: blocks(x, 2, 128), half, 5e-2),
    "v100": (half, half, half, 3e-3),
    "ipu-gc2": (half, half, half, 3e-3),
    "tpu-v1": (lambda w: integers(w, 8), lambda x: integers(x, 16), single, 1e-4),
    "tpu-v1-int8": (lambda w: integers(w, 8), lambda x: integers(x, 8), single, 2e-2),
    "plasticine-rnn": (lambda w: integers(w, 8), lambda x: integers(x, 16), single, 1e-4),
    "tpu-v2": (bf16, bf16, single, 3e-3),
    "edge": (bf16, bf16, single, 3e-3),
}


def lstm(w: Rows, r: Rows, b: Rows, x: Rows, weights, operands, store) -> Rows:
    """ONNX's LSTM, one sequence: gates in the order input, output, forget, cell; sums in float32."""

    def sigmoid(v):
        return store(1 / (1 + np.exp(-v)))

    w, r, b = weights(w), weights(r), b[: 4 * HIDDEN] + b[4 * HIDDEN :]
    h = c = np.zeros((1, HIDDEN), np.float32)
    steps = []
    for row in x:
        z = store(operands(store(row)) @ w.T + operands(h) @ r.T + b)
        i, o, f, g = np.split(z, 4, axis=1)
        c = store(store(sigmoid(f) * c) + store(sigmoid(i) * store(np.tanh(g))))
        h = store(sigmoid(o) * store(np.tanh(c)))
        steps.append(h[0])
    return np.stack(steps)


@pytest.mark.parametrize("target", sorted(FORMATS))
def test_a_machine_computes_what_its_formats_say(target):
    model = recurrent_model("LSTM", HIDDEN, STEPS)
    w, r, b = (numpy_helper.to_array(tensor)[0] for tensor in model.graph.initializer)
    x = np.random.default_rng(7).normal(size=(STEPS, 1, HIDDEN)).astype(np.float32)
    *formats, tolerance = FORMATS[target]
    expected = lstm(w, r, b, x, *formats)
    program = rnncc.compile(model, target, numerics="machine")
    got = program.run({"x": x}, timing=False).outputs["y"].reshape(STEPS, HIDDEN)
    apart = np.abs(got - expected).max() / np.abs(expected).max()
    exact = lstm(w, r, b, x, single, single, single)
    error = np.abs(expected - exact).max() / np.abs(exact).max()
    assert apart <= tolerance, (apart, error)
    # What the format does to the model is more than what rounding at another place does.
    assert np.median(np.abs(got - expected)) < 0.2 * np.median(np.abs(expected - exact))
