"""The NumPy kernels against their definitions in float64."""

import math

import ml_dtypes
import numpy as np
import pytest

from rnncc.dialects import nn
from rnncc.interpreter import kernels

X = np.array([-200.0, -3.5, -2.5, -1.0, -0.5, -0.0, 0.0, 0.3, 0.5, 1.5, 2.5, 100.0])


def _erf(x):
    return np.array([math.erf(v) for v in x])


REFERENCE = {
    "neg": lambda x, a, b: -x,
    "abs": lambda x, a, b: np.abs(x),
    "exp": lambda x, a, b: np.exp(x),
    "log": lambda x, a, b: np.log(x),
    "sqrt": lambda x, a, b: np.sqrt(x),
    "reciprocal": lambda x, a, b: 1 / x,
    "floor": lambda x, a, b: np.floor(x),
    "ceil": lambda x, a, b: np.ceil(x),
    "round": lambda x, a, b: np.round(x),
    "sign": lambda x, a, b: np.sign(x),
    "erf": lambda x, a, b: _erf(x),
    "identity": lambda x, a, b: x,
    "sin": lambda x, a, b: np.sin(x),
    "cos": lambda x, a, b: np.cos(x),
    "relu": lambda x, a, b: np.maximum(x, 0),
    "tanh": lambda x, a, b: np.tanh(x),
    "sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "affine": lambda x, a, b: a * x + b,
    "leaky_relu": lambda x, a, b: np.where(x < 0, a * x, x),
    "thresholded_relu": lambda x, a, b: np.where(x > a, x, 0),
    "scaled_tanh": lambda x, a, b: a * np.tanh(b * x),
    "hard_sigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "elu": lambda x, a, b: np.where(x < 0, a * (np.exp(x) - 1), x),
    "softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "softplus": lambda x, a, b: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
}


@pytest.mark.parametrize("kind", sorted(nn.UNARY_KINDS - {"not"}))
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_unary(kind, dtype):
    x = X.astype(dtype)
    alpha, beta = 0.25, 0.75
    with np.errstate(all="ignore"):
        want = REFERENCE[kind](x.astype(np.float64), alpha, beta)
        got = kernels.unary(kind, x, alpha, beta)
        in_place = x.copy()
        kernels.unary(kind, in_place, alpha, beta, out=in_place)
        strided = np.zeros((x.size, 2), dtype)
        kernels.unary(kind, x, alpha, beta, out=strided[:, 1])
    assert got.dtype == x.dtype
    tolerance = {8: 1e-12, 4: 2e-6, 2: 4e-3 if dtype is np.float16 else 2e-2}[x.itemsize]
    with np.errstate(all="ignore"):
        want = want.astype(dtype).astype(np.float64)
    np.testing.assert_allclose(got.astype(np.float64), want, tolerance, tolerance / 8)
    np.testing.assert_array_equal(in_place.astype(np.float64), got.astype(np.float64))
    np.testing.assert_array_equal(strided[:, 1].astype(np.float64), got.astype(np.float64))


def test_not():
    np.testing.assert_array_equal(kernels.unary("not", np.array([True, False])), [False, True])
    np.testing.assert_array_equal(kernels.unary("not", np.array([0, -1, 5])), [-1, 0, -6])


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.float32])
@pytest.mark.parametrize("kind", sorted(nn.BINARY_KINDS))
def test_binary(kind, dtype):
    signed = np.dtype(dtype).kind != "u"
    a = np.array([7, 7, 3, 0, 1, 100] + ([-7, -7, -8] if signed else []), dtype)
    b = np.array([2, 3, 5, 4, 1, 7] + ([2, -2, 3] if signed else []), dtype)
    if kind in ("and", "or", "xor") and np.dtype(dtype).kind == "f":
        return
    if kind == "pow":
        a, b = a % 5, np.abs(b) % 3

    def divide(p, q):
        return p / q if np.dtype(dtype).kind == "f" else math.trunc(p / q)

    reference = {
        "add": lambda p, q: p + q,
        "sub": lambda p, q: p - q,
        "mul": lambda p, q: p * q,
        "div": divide,
        "min": min,
        "max": max,
        "pow": lambda p, q: p**q,
        "mod": lambda p, q: p % q,
        "fmod": math.fmod,
        "and": lambda p, q: p & q,
        "or": lambda p, q: p | q,
        "xor": lambda p, q: p ^ q,
    }[kind]
    with np.errstate(all="ignore"):
        want = [reference(p, q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]
        got = kernels.binary(kind, a, b)
        out = np.zeros(a.shape, dtype)
        kernels.binary(kind, a, b, out)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.array(want).astype(dtype))
    np.testing.assert_array_equal(out, got)


def test_integer_powers():
    a, b = np.array([2, 1, -1, -1, 0, -3]), np.array([-1, -5, -3, -2, 0, 3])
    np.testing.assert_array_equal(kernels.binary("pow", a, b), [0, 1, -1, 1, 1, -27])


@pytest.mark.parametrize("kind", sorted(nn.REDUCE_KINDS))
@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.float32, np.float64])
def test_reduce(kind, dtype):
    x = np.array([[[1, -2], [3, 5]], [[7, -8], [2, 2]]], dtype)
    for axes in [(), (0,), (1, 2), (0, 1, 2)]:
        want = getattr(np, kind)(x.astype(np.float64), axis=axes, keepdims=True)
        want = np.trunc(want) if dtype is np.int32 else want
        got = kernels.reduce(kind, x, axes, keepdims=True)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, 1e-3)
        out = np.zeros(got.shape, dtype)
        kernels.reduce(kind, x, axes, keepdims=True, out=out)
        np.testing.assert_array_equal(out, got)


def test_half_sums_do_not_saturate():
    x = np.full(5000, 1.0, np.float16)
    assert kernels.reduce("sum", x, 0) == 5000
    assert kernels.matmul(x[None], x[:, None]) == 5000


def test_empty_reductions():
    x = np.zeros((0, 2), np.float32)
    np.testing.assert_array_equal(kernels.reduce("max", x, 0), [-np.inf] * 2)
    np.testing.assert_array_equal(kernels.reduce("min", x.astype(np.uint8), 0), [255] * 2)
    np.testing.assert_array_equal(kernels.reduce("prod", x, 0), [1, 1])


def test_argreduce():
    x = np.array([[3, 5, 5], [2, 1, 1]], np.float32)
    for kind, last, want in [
        ("argmax", False, [1, 0]),
        ("argmax", True, [2, 0]),
        ("argmin", False, [0, 1]),
        ("argmin", True, [0, 2]),
    ]:
        got = kernels.argreduce(kind, x, 1, last)
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, want)
        out = np.zeros((2, 1), np.int64)
        kernels.argreduce(kind, x, 1, last, keepdims=True, out=out)
        np.testing.assert_array_equal(out[:, 0], want)


def test_softmax_of_large_numbers():
    x = np.array([[1e4, 1e4 + 1], [-1e4, 0]], np.float32)
    with np.errstate(all="ignore"):
        got = kernels.softmax(x, 1)
        log = kernels.softmax(x, 1, log=True)
    np.testing.assert_allclose(got[0], [1 / (1 + np.e), np.e / (1 + np.e)], 1e-6)
    np.testing.assert_allclose(log[1], [-1e4, 0], 1e-6)
