"""Run-time lengths through every operation, at several lengths of one lowered program."""

import pytest

from rnncc.dialects import nn
from rnncc.dialects._types import element_type, tensor_type
from rnncc.errors import DynamicTimeError

from .build import Graph, check, lower, tiny

F32 = element_type("f4")


@pytest.fixture(params=["edge", "tiny"])
def target(request, tmp_path):
    return "edge" if request.param == "edge" else tiny(tmp_path, 256, 1024)


def at_lengths(module, target, lengths=(1, 3, 7), **options):
    lowered = lower(module, target)
    for length in lengths:
        check(module, target, lengths={"T": length}, lowered=lowered, **options)


def sequence(g, shape=(7, 3, 4), axis=0, dtype="f4"):
    return g.input(shape, dtype, symbols=["T" if i == axis else "" for i in range(len(shape))])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_elementwise(axis, target):
    g = Graph({"T": 7})
    shape = [3, 4, 5]
    shape[axis] = 7
    x, b = sequence(g, shape, axis), g.input((shape[2],) if axis != 2 else (1,))
    y = g.add(nn.BinaryOp("add", x, b))
    z = g.add(nn.CompareOp("lt", y, x))
    at_lengths(g.module(y, z, g.add(nn.SelectOp(z, y, x)), g.add(nn.UnaryOp("exp", y))), target)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("reduced", [[0], [1], [2], [0, 1], [0, 1, 2]])
def test_reduce(axis, reduced, target):
    g = Graph({"T": 7})
    shape = [3, 4, 5]
    shape[axis] = 7
    x = sequence(g, shape, axis)
    outs = [g.add(nn.ReduceOp(k, x, reduced)) for k in ("sum", "mean", "max")]
    at_lengths(g.module(*outs, g.add(nn.ArgReduceOp("argmax", x, axis))), target, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("over", [0, 1])
def test_softmax(axis, over, target):
    g = Graph({"T": 7})
    x = sequence(g, (7, 6) if axis == 0 else (6, 7), axis)
    at_lengths(g.module(g.add(nn.SoftmaxOp(x, over)), g.add(nn.SoftmaxOp(x, over, True))), target)


@pytest.mark.parametrize("constant", [False, True])
def test_matmul_of_rows(constant, target):
    g = Graph({"T": 7})
    x = sequence(g)
    w = g.const([[1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 1, 0]]) if constant else g.input((4, 3))
    y = g.add(nn.MatmulOp(x, w))
    at_lengths(g.module(y, g.add(nn.BinaryOp("add", y, g.const([1, 2, 3])))), target)


def test_matmul_over_time(target):
    g = Graph({"T": 7})
    a, b = sequence(g, (2, 3, 7), 2), sequence(g, (2, 7, 4), 1)
    scores = g.add(nn.MatmulOp(b, b, transpose_b=True))
    at_lengths(g.module(g.add(nn.MatmulOp(a, b)), scores), target)


def test_batch_first_rows(target):
    g = Graph({"T": 7})
    x = sequence(g, (3, 7, 4), 1)
    y = g.add(nn.MatmulOp(x, g.const([[1.0], [2], [3], [4]])))
    at_lengths(g.module(y), target)


def test_reshapes(target):
    g = Graph({"T": 7})
    x = sequence(g)
    flat = g.add(nn.ReshapeOp(x, tensor_type(F32, (21, 4), ("T", ""))))
    back = g.add(nn.ReshapeOp(flat, tensor_type(F32, (7, 1, 12), ("T", "", ""))))
    turned = g.add(nn.TransposeOp(x, [1, 0, 2]))
    split = g.add(nn.ReshapeOp(turned, tensor_type(F32, (3, 7, 2, 2), ("", "T", "", ""))))
    at_lengths(g.module(flat, back, turned, split), target)


def test_reshape_that_cannot_follow():
    g = Graph({"T": 7})
    x = sequence(g, (3, 7), 1)
    y = g.add(nn.ReshapeOp(x, tensor_type(F32, (21,), ("T",))))
    with pytest.raises(DynamicTimeError, match=r"node 'reshape_1' \(nn.reshape\)"):
        lower(g.module(y))


def test_slices_and_ends(target):
    g = Graph({"T": 7})
    x = sequence(g)
    backwards = g.add(nn.SliceOp(x, [6, 0, 0], [7, 3, 4], [-1, 1, 1]))
    first = g.add(nn.SliceOp(x, [0, 1, 0], [1, 2, 4]))
    numbers = g.add(nn.IotaOp(tensor_type(element_type("i8"), (7,), ("T",)), 0))
    last = g.add(nn.ReduceOp("max", numbers, [0]))
    at_end = g.add(nn.DynamicSliceOp(x, last, 0, 1))
    at_lengths(g.module(backwards, first, numbers, at_end), target)


def test_joins(target):
    g = Graph({"T": 7})
    x, y = sequence(g), sequence(g, (7, 2, 4))
    joined = g.add(nn.ConcatOp([g.add(nn.UnaryOp("exp", x)), y], 1))
    padded = g.add(nn.PadOp(x, [0, 1, 0], [0, 0, 2], -1.0))
    wide = g.add(nn.BroadcastOp(g.const([[[1.0]]]), tensor_type(F32, (7, 2, 4), ("T", "", ""))))
    at_lengths(g.module(joined, padded, g.add(nn.BinaryOp("add", wide, y))), target)


def test_gather(target):
    g = Graph({"T": 7})
    words, table = sequence(g, (7, 3), 0, "i8"), g.input((9, 5))
    rows = g.add(nn.GatherOp(table, words, 0))
    at_lengths(g.module(rows, g.add(nn.GatherOp(sequence(g), g.const([2, 0], "i8"), 1))), target)


def test_reverse_sequence(target):
    g = Graph({"T": 7})
    x, lens = sequence(g), g.input((3,), "i4")
    y = g.add(nn.ReverseSequenceOp(x, lens, 0, 1))
    at_lengths(g.module(y), target, lengths=(3, 7), high=4)


def test_two_lengths(target):
    g = Graph({"S": 6, "T": 7})
    x = g.input((6, 7, 2), symbols=("S", "T", ""))
    y = g.add(nn.TransposeOp(g.add(nn.UnaryOp("exp", x)), [1, 2, 0]))
    module = g.module(y, g.add(nn.ReduceOp("mean", x, [0, 1])))
    check(module, target, lengths={"S": 2, "T": 5}, rtol=1e-4)
