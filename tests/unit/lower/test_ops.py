"""Every nn operation, whole on a large machine and cut on a tiny one."""

import numpy as np
import pytest

from rnncc.dialects import nn, npu
from rnncc.dialects._types import element_type, tensor_type

from .build import Graph, check, check_rounded_once, count, lower, tiny


@pytest.fixture(params=["edge", "tiny"])
def target(request, tmp_path):
    return "edge" if request.param == "edge" else tiny(tmp_path, 256, 1024)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 4, 5), (3, 4, 5)),
        ((3, 4, 5), (4, 1)),
        ((2, 1, 3, 1, 4), (5, 1, 6, 4)),
        ((), (3,)),
        ((70, 9), (9,)),
    ],
)
def test_binary(a, b, target):
    g = Graph()
    x, y = g.input(a), g.input(b)
    check(g.module(g.add(nn.BinaryOp("sub", x, y))), target)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.int32, np.int64, np.uint8])
def test_element_types(dtype, target):
    g = Graph()
    x, y = g.input((7, 30), dtype), g.input((30,), dtype)
    total = g.add(nn.BinaryOp("add", x, y))
    less = g.add(nn.CompareOp("lt", total, y))
    chosen = g.add(nn.SelectOp(less, x, g.const(np.full((), 2), dtype)))
    cast = g.add(nn.CastOp(chosen, element_type(np.float32)))
    check(g.module(total, less, chosen, cast), target)


def test_bool(target):
    g = Graph()
    x, y = g.input((3, 50), np.bool_), g.input((50,), np.bool_)
    both = g.add(nn.BinaryOp("and", x, y))
    check(
        g.module(both, g.add(nn.UnaryOp("not", both)), g.add(nn.CastOp(both, element_type("i8")))),
        target,
    )


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((3, 4, 5), [2]),
        ((3, 4, 5), [0, 2]),
        ((3, 4, 5), [1]),
        ((3, 4, 5), [0, 1, 2]),
        ((2, 3, 4, 5), [1, 3]),
        ((2, 3, 4, 5, 2), [2]),
        ((40, 12), [0]),
        ((40, 12), [1]),
        ((3,), []),
    ],
)
@pytest.mark.parametrize("keep", [False, True])
def test_reduce(shape, axes, keep, target):
    g = Graph()
    x = g.input(shape)
    outs = [g.add(nn.ReduceOp(k, x, axes, keep)) for k in ("sum", "mean", "max", "min", "prod")]
    check(g.module(*outs), target, rtol=1e-4)


def test_reduce_short_floats():
    g = Graph()
    x = g.input((40, 1000), np.float16)
    check(
        g.module(g.add(nn.ReduceOp("mean", x, [1])), g.add(nn.ReduceOp("sum", x, [0]))), rtol=2e-3
    )


@pytest.mark.parametrize("memory", [(1 << 16, 1 << 16), (256, 1024)])
def test_short_floats_are_summed_wide_and_rounded_once(memory, tmp_path):
    def make(dtype):
        g = Graph()
        x = g.input((4, 7, 3, 11), dtype)
        outs = [g.add(nn.ReduceOp(k, x, [0, 2], True)) for k in ("sum", "mean", "prod")]
        a = g.input((12, 77), dtype)
        w = g.const(np.random.default_rng(0).integers(-8, 8, (77, 5)) / 8, dtype)
        outs.append(g.add(nn.MatmulOp(a, w)))
        return g.module(*outs)

    check_rounded_once(make, lambda module: lower(module, tiny(tmp_path, *memory)))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_reduce_more_than_fits(dtype, tmp_path):
    g = Graph()
    x = g.input((50, 30), dtype)
    outs = [g.add(nn.ReduceOp(k, x, [0, 1])) for k in ("sum", "mean", "max", "min")]
    rtol = 1e-4 if dtype is np.float32 else 1e-3
    check(g.module(*outs), tiny(tmp_path, 256, 1024), rtol=rtol)


def test_reduce_integers():
    g = Graph()
    x = g.input((5, 7), np.int32)
    check(g.module(*(g.add(nn.ReduceOp(k, x, [1])) for k in ("sum", "mean", "max"))), high=100)


def test_reduce_nothing():
    g = Graph()
    x = g.input((3, 0))
    check(g.module(g.add(nn.ReduceOp("sum", x, [1])), g.add(nn.BinaryOp("add", x, x))))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("last", [False, True])
def test_arg_reduce(axis, last, target):
    g = Graph()
    x = g.input((3, 4, 5), np.int32)
    outs = [
        g.add(nn.ArgReduceOp(k, x, axis, keep, last))
        for k in ("argmax", "argmin")
        for keep in (False, True)
    ]
    check(g.module(*outs), target)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("log", [False, True])
def test_softmax(axis, log, target):
    g = Graph()
    check(g.module(g.add(nn.SoftmaxOp(g.input((5, 6, 7)), axis, log))), target)


@pytest.mark.parametrize(
    ("data", "indices", "axis"),
    [
        ((9, 4), (3,), 0),
        ((9, 4), (), 0),
        ((3, 9, 4), (2, 2), 1),
        ((3, 2, 9), (5,), 2),
        ((9,), (2, 3), 0),
        ((2, 3, 9, 2, 2), (2,), 2),
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8])
def test_gather(data, indices, axis, dtype, target):
    g = Graph()
    x, i = g.input(data), g.input(indices, dtype)
    y = g.add(nn.GatherOp(x, i, axis))
    check(g.module(y, g.add(nn.UnaryOp("neg", y))), target, high=9)


def test_moves(target):
    g = Graph()
    x = g.input((4, 5, 6))
    t = g.add(nn.TransposeOp(x, [2, 0, 1]))
    s = g.add(nn.SliceOp(t, [5, 1, 0], [3, 2, 5], [-2, 1, 1]))
    r = g.add(nn.ReshapeOp(s, tensor_type(element_type("f4"), (6, 5))))
    b = g.add(nn.BroadcastOp(r, tensor_type(element_type("f4"), (2, 6, 5))))
    p = g.add(nn.PadOp(b, [0, 1, 2], [1, 0, 3], 1.5))
    e = g.add(nn.UnaryOp("exp", p))
    check(g.module(t, s, r, b, p, e), target)


def test_integer_pad():
    g = Graph()
    check(g.module(g.add(nn.PadOp(g.input((2, 3), np.int64), [1, 0], [0, 2], 7.0))))


def test_concat_in_place():
    g = Graph()
    x = g.input((2, 3))
    parts = [g.add(nn.UnaryOp(k, x)) for k in ("exp", "tanh", "neg")]
    joined = g.add(nn.ConcatOp([*parts, x], 1))
    lowered = check(g.module(g.add(nn.UnaryOp("abs", joined))))
    # x in, x into its place, the result out: the three others are computed where they belong.
    assert count(lowered, npu.UnaryOp) == 4
    assert count(lowered, npu.DmaOp) == 3


def test_concat_of_everything(target):
    g = Graph()
    x = g.input((2, 3))
    e = g.add(nn.UnaryOp("exp", x))
    inner = g.add(nn.ConcatOp([e, x, e], 0))
    t = g.add(nn.TransposeOp(inner, [1, 0]))
    outer = g.add(nn.ConcatOp([t, g.const(np.ones((3, 2))), t], 1))
    check(g.module(outer, e, inner), target)


def test_outputs_twice():
    g = Graph()
    x = g.input((2, 3))
    c = g.const([[1, 2, 3]])
    y = g.add(nn.UnaryOp("exp", x))
    check(g.module(x, y, y, c, g.add(nn.TransposeOp(y, [1, 0]))))


def test_iota_and_dynamic_slice(target):
    g = Graph()
    x, i = g.input((3, 9, 2)), g.input((), np.int64)
    part = g.add(nn.DynamicSliceOp(x, i, 1, 4))
    numbers = g.add(nn.IotaOp(tensor_type(element_type("f4"), (3, 4, 2)), 1))
    check(g.module(g.add(nn.BinaryOp("mul", part, numbers)), part), target, high=6)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (0, 2), (2, 0)])
def test_reverse_sequence(axes, target):
    g = Graph()
    shape = (4, 5, 6)
    x, lens = g.input(shape), g.input((shape[axes[1]],), np.int32)
    y = g.add(nn.ReverseSequenceOp(x, lens, *axes))
    check(g.module(y, g.add(nn.UnaryOp("neg", y))), target, high=5)


@pytest.mark.parametrize(
    ("a", "b", "transpose"),
    [((3, 4), (4, 5), False), ((3, 4), (5, 4), True), ((2, 3, 4), (4, 5), False), ((2, 3, 4), (2, 4, 5), False),
     ((6, 3, 4), (6, 5, 4), True), ((2, 1, 3, 4), (3, 4, 5), False), ((3, 4), (6, 4, 5), False),
     ((1, 40), (40, 50), False), ((40, 30), (20, 30), True)],
)  # fmt: skip
@pytest.mark.parametrize("constant", ["none", "left", "right"])
def test_matmul(a, b, transpose, constant, target):
    g = Graph()
    rng = np.random.default_rng(0)
    x = g.const(rng.standard_normal(a)) if constant == "left" else g.input(a)
    y = g.const(rng.standard_normal(b)) if constant == "right" else g.input(b)
    z = g.add(nn.MatmulOp(x, y, transpose))
    check(g.module(z, g.add(nn.UnaryOp("neg", z))), target)


@pytest.mark.parametrize("shape", [(6, 5), (2, 3, 5), (3, 1, 2, 5)])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("bias", [(5,), (1, 5), (1,), ()])
def test_bias_behind_a_reshape(shape, swapped, bias, target):
    g = Graph()
    x, b = g.input((6, 4)), g.input(bias)
    y = g.add(nn.MatmulOp(x, g.const(np.arange(20).reshape(4, 5))))
    y = g.add(nn.ReshapeOp(y, tensor_type(element_type("f4"), shape)))
    z = g.add(nn.BinaryOp("add", *((b, y) if swapped else (y, b))))
    t = g.add(nn.TransposeOp(z, [len(shape) - 1, *range(len(shape) - 1)]))
    check(g.module(t), target)


def test_product_of_nothing(target):
    g = Graph()
    y = g.add(nn.MatmulOp(g.input((3, 0)), g.input((0, 4))))
    check(g.module(g.add(nn.BinaryOp("add", y, g.input((4,))))), target)


def test_unary_parameters():
    g = Graph()
    x = g.input((9,))
    kinds = [
        ("leaky_relu", 0.1, None),
        ("affine", 2.0, 0.5),
        ("hard_sigmoid", 0.2, 0.5),
        ("scaled_tanh", 1.5, 0.7),
    ]
    check(g.module(*(g.add(nn.UnaryOp(k, x, a, b)) for k, a, b in kinds)))


def test_every_instruction_names_its_node():
    g = Graph()
    lowered = lower(g.module(g.add(nn.SoftmaxOp(g.input((3, 4)), 1))))
    instructions = [op for op in lowered.walk() if isinstance(op, npu.InstructionOp)]
    named = [op for op in instructions if "onnx.node" in op.attributes]
    assert len(instructions) - len(named) <= 0
