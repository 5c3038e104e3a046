"""Numerics of machines: every format against a reference written one number at a time."""

import math
import struct
from dataclasses import replace
from fractions import Fraction

import numpy as np
import onnx
import onnx.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnncc
from rnncc.bench.models import recurrent_model
from rnncc.errors import UnsupportedError
from rnncc.machine import load_machine, machine_names
from rnncc.machine.rounding import round_block, rounder, to_integers
from rnncc.simulator.numbers import Numbers

FLOATS = st.floats(-1e4, 1e4, width=32)
ROWS = st.lists(FLOATS, min_size=1, max_size=13)


def nearest_even(value: Fraction) -> int:
    """The nearest whole number, of two the even one."""
    low = math.floor(value)
    rest = value - low
    if rest == Fraction(1, 2):
        return low + low % 2
    return low + (rest > Fraction(1, 2))


def slow_block(values: list[float], mantissa: int, block: int) -> list[float]:
    """Block floating point of one row, in exact arithmetic."""
    out = []
    for start in range(0, len(values), block):
        part = [Fraction(v) for v in values[start : start + block]]
        most = max(abs(v) for v in part)
        exponent = -15
        while exponent < 16 and most >= Fraction(2) ** (exponent + 1):
            exponent += 1
        step = Fraction(2) ** (exponent - mantissa + 1)
        top = 2**mantissa - 1
        out += [float(max(-top, min(top, nearest_even(v / step))) * step) for v in part]
    return out


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([2, 3, 4, 5]), st.sampled_from([1, 4, 5, 400]))
def test_block_floating_point(values, mantissa, block):
    got = round_block(np.array([values], np.float32), mantissa, block)
    assert got.dtype == np.float32
    assert got[0].tolist() == slow_block(values, mantissa, block)


def test_block_floating_point_by_hand():
    # Largest 5: exponent 2, steps of 2: 5 is halfway between 4 and 6 and 1 between 0 and 2: even multiples win.
    got = round_block(np.array([[5.0, 1.0, -3.5, 0.9]], np.float32), 2, 4)
    assert got[0].tolist() == [4.0, 0.0, -4.0, 0.0]
    # 7.9 would need the multiple 4, which two bits have not.
    assert round_block(np.array([[7.9]], np.float32), 2, 1).item() == 6.0
    # Beyond the largest exponent values saturate.
    assert round_block(np.array([[1e9]], np.float32), 2, 1).item() == 3 * 2.0**15


@pytest.mark.parametrize("mantissa", [2, 3, 4, 5])
def test_block_floating_point_of_what_is_no_number(mantissa):
    most = (2**mantissa - 1) * 2.0 ** (16 - mantissa + 1)
    with np.errstate(all="raise"):
        got = round_block(
            np.array([[np.inf, -np.inf, 1, np.nan, 1.0, -0.0]], np.float32), mantissa, 4
        )
    # Beside infinity 1 is nothing; NaN stays where it is; the ragged last block has an exponent of its own.
    assert got[0, :3].tolist() == [most, -most, 0.0] and np.isnan(got[0, 3])
    assert got[0, 4:].tolist() == [1.0, 0.0] and np.signbit(got[0, 5])
    beside_nan = round_block(np.array([[np.nan, 1.0, 3.0]], np.float32), mantissa, 3)
    assert beside_nan[0, 1:].tolist() == [1.0, 3.0]


def test_integers_of_what_is_no_number():
    with np.errstate(all="raise"):
        got = to_integers(np.array([[np.inf, 1], [np.nan, 1], [0, -0.0], [2, 1]], np.float32), 8)
    assert np.isnan(got.scale[:2]).all() and np.isnan(got.values[:2]).all()
    assert got.scale[2] == 1 and not got.values[2].any()
    assert got.values[3].tolist() == [127, 64]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([8, 16]))
def test_integers(values, bits):
    got = to_integers(np.array([values], np.float32), bits)
    most = 2 ** (bits - 1) - 1
    reach = max(abs(Fraction(v)) for v in values)
    scale = float(reach / most) if reach else 1.0
    assert got.scale.tolist() == pytest.approx([scale], rel=1e-15)
    exact = [nearest_even(Fraction(v) / Fraction(got.scale[0])) for v in values]
    # Division in double precision may meet a tie that exact arithmetic does not.
    assert np.abs(got.values[0] - exact).max() <= 1
    assert np.abs(got.values[0] * got.scale[0] - values).max() <= scale * (0.5 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_narrow_floats(values):
    x = np.array(values, np.float32)
    halves = [struct.unpack("<e", struct.pack("<e", v))[0] for v in x.tolist()]
    assert rounder("fp16", 1)(x).tolist() == halves  # type: ignore[misc]
    bits = [struct.unpack("<I", struct.pack("<f", v))[0] for v in x.tolist()]
    kept = [(b + 0x7FFF + (b >> 16 & 1)) >> 16 << 16 for b in bits]
    expected = [struct.unpack("<f", struct.pack("<I", b))[0] for b in kept]
    assert rounder("bf16", 1)(x).tolist() == expected  # type: ignore[misc]
    assert rounder("fp32", 1) is None


@pytest.mark.parametrize(
    ("pair", "bits"), [("int8", (8, 8)), ("int8xint16", (8, 16)), ("int16", (16, 16))]
)
def test_integer_products_are_exact_until_they_saturate(pair, bits):
    edge = load_machine("edge")
    weights, _, activations = pair.partition("x")
    formats = replace(edge.formats, weights=weights, activations=activations or weights)
    numbers = Numbers.of(replace(edge, formats=formats))
    rng = np.random.default_rng(1)
    w, x = (
        rng.normal(size=(5, 300)).astype(np.float32),
        rng.normal(size=(2, 300)).astype(np.float32),
    )
    got = numbers.multiply(numbers.load(w), x)
    for m in range(2):
        for n in range(5):
            sw, sx = (
                float(np.abs(v).max()) / (2 ** (b - 1) - 1)
                for v, b in ((w[n], bits[0]), (x[m], bits[1]))
            )
            total = sum(
                round(float(a) / sw) * round(float(b) / sx) for a, b in zip(w[n], x[m], strict=True)
            )
            total = max(-(2**31), min(2**31 - 1, total))
            assert got[m, n] == pytest.approx(total * sw * sx, rel=1e-6)
    # 16 x 16 bits overflow 32 soon: 300 products of the largest numbers.
    ones = np.ones((1, 300), np.float32)
    big = numbers.multiply(numbers.load(ones), ones)[0, 0]
    assert (big == pytest.approx(300, rel=1e-6)) == (pair != "int16")


def test_unknown_pairs_are_refused():
    edge = load_machine("edge")
    for weights, activations in (("int8", "fp16"), ("fp64", "fp64"), ("int32", "int32")):
        machine = replace(
            edge, formats=replace(edge.formats, weights=weights, activations=activations)
        )
        with pytest.raises(UnsupportedError):
            Numbers.of(machine)


@pytest.fixture(scope="module")
def model():
    return recurrent_model("LSTM", 24, 6)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(2).normal(size=(6, 1, 24)).astype(np.float32)


ERROR = {"bf16": 2e-2, "fp16": 2e-3, "fp32": 1e-6, "int8": 3e-2, "bfp-1s5e2m": 0.6}
"""Largest error that a format may make here, of the largest output."""


@pytest.mark.parametrize("target", machine_names())
def test_every_machine_computes_in_its_formats(target, model, x):
    exact = rnncc.compile(model, target).run({"x": x}, timing=False).outputs["y"]
    program = rnncc.compile(model, target, numerics="machine")
    result = program.run({"x": x})
    assert result.cycles
    error = np.abs(result.outputs["y"] - exact).max() / np.abs(exact).max()
    weights = program.machine.formats.weights
    assert error <= ERROR[weights], target
    assert (error > 0) == (weights != "fp32")
    activations = program.machine.formats.activations
    if activations == "fp16":
        assert (result.outputs["y"] == result.outputs["y"].astype(np.float16)).all()


def test_matrices_of_integers_are_chosen_and_joined():
    x = np.random.default_rng(3).normal(size=(3, 4, 5)).astype(np.float32)
    whole = to_integers(x, 8)
    assert len(whole) == 3
    for i, matrix in enumerate(x):
        alone = to_integers(matrix, 8)
        assert (whole[i].values == alone.values).all() and (whole[i].scale == alone.scale).all()
    joined, flat = whole[1:].joined(), to_integers(x[1:].reshape(8, 5), 8)
    assert (joined.values == flat.values).all() and (joined.scale == flat.scale).all()


@pytest.mark.parametrize("target", ["v100", "ipu-gc2"])
def test_no_value_leaves_a_half_precision_machine_in_single(target):
    rng = np.random.default_rng(4)
    w, table = (rng.normal(size=shape).astype(np.float32) for shape in ((130, 70), (5, 7)))
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]>
        g (float[3,130] x, int64[2] i) => (float[3,70] y, float[3,1] mean, float[3,130] sum, float[2,7] row)
        <float third = {0.3333}> {
            y = MatMul(x, w)
            mean = ReduceMean<axes=[1]>(x)
            sum = Add(x, third)
            row = Gather(table, i)
        }"""
    )
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in (("w", w), ("table", table))
    )
    x = rng.normal(size=(3, 130)).astype(np.float32)
    inputs = {"x": x, "i": np.array([4, 1], np.int64)}
    outputs = rnncc.compile(model, target, numerics="machine").run(inputs, timing=False).outputs
    half = x.astype(np.float16).astype(np.float32)
    for name, array in outputs.items():
        assert (array == array.astype(np.float16)).all(), name
    expected = (half @ w.astype(np.float16).astype(np.float32)).astype(np.float16)
    assert np.abs(outputs["y"] - expected).max() <= 2 * np.spacing(np.abs(expected).max())
    third = np.float16(0.3333).astype(np.float32)
    assert (outputs["sum"] == (half + third).astype(np.float16)).all()
    assert (outputs["row"] == table[[4, 1]].astype(np.float16)).all()
