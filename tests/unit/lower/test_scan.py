"""States in place, their hazards, and every way a scan reads and writes sequences."""

import numpy as np
import pytest

from rnncc.dialects import nn, npu
from rnncc.dialects._types import element_type, tensor_type

from .build import Graph, check, count, steps_of, tiny


@pytest.fixture(params=["edge", "tiny"])
def target(request, tmp_path):
    return "edge" if request.param == "edge" else tiny(tmp_path, 256, 1024)


def test_swapped_states(target):
    g = Graph()
    x, a, b, c = g.input((5, 4)), g.input((4,)), g.input((4,)), g.input((4,))
    op = g.scan([x], [a, b, c], lambda _, x, a, b, c: (b, c, a, g.add(nn.BinaryOp("sub", a, x))), 5)
    check(g.module(*op.states, *op.outputs), target)


def test_old_state_is_an_output(target):
    g = Graph()
    x, a = g.input((5, 4)), g.input((4,))
    op = g.scan([x], [a], lambda _, x, a: (g.add(nn.BinaryOp("add", a, x)), a), 5)
    check(g.module(*op.states, *op.outputs), target)


def test_one_value_for_everything(target):
    g = Graph()
    x, a = g.input((5, 4)), g.input((4,))

    def body(_, x, a, b):
        new = g.add(nn.BinaryOp("add", a, g.add(nn.BinaryOp("mul", b, x))))
        return new, new, new, new

    op = g.scan([x], [a, a], body, 5)
    check(g.module(*op.states, *op.outputs), target)


def test_elementwise_in_place(target):
    g = Graph()
    x, a = g.input((5, 4)), g.input((4,))
    op = g.scan([x], [a], lambda _, x, a: (g.add(nn.BinaryOp("add", a, x)),), 5)
    lowered = check(g.module(*op.states), target)
    assert steps_of(lowered) == ["npu.binary"]


def test_permuted_state_is_not_in_place(target):
    g = Graph()
    a = g.input((3, 3))

    def body(_, a):
        t = g.add(nn.TransposeOp(a, [1, 0]))
        flipped = g.add(nn.SliceOp(a, [2, 0], [3, 3], [-1, 1]))
        return (g.add(nn.BinaryOp("sub", t, flipped)),)

    op = g.scan([], [a], body, 4)
    check(g.module(*op.states), target)
    op = None


def test_yields_a_view_of_the_state(target):
    g = Graph()
    a, b = g.input((3, 3)), g.input((3, 3))
    op = g.scan([], [a, b], lambda _, a, b: (g.add(nn.TransposeOp(a, [1, 0])), a), 3)
    check(g.module(*op.states), target)


def test_state_through_a_reshape(target):
    g = Graph()
    x, a = g.input((5, 6)), g.input((2, 3))

    def body(_, x, a):
        flat = g.add(nn.ReshapeOp(a, tensor_type(element_type("f4"), (6,))))
        total = g.add(nn.BinaryOp("add", flat, x))
        return g.add(nn.ReshapeOp(total, tensor_type(element_type("f4"), (2, 3)))), total

    op = g.scan([x], [a], body, 5)
    check(g.module(*op.states, *op.outputs), target)


def test_state_from_a_concat(target):
    g = Graph()
    x, a = g.input((5, 2)), g.input((4,))

    def body(_, x, a):
        half = g.add(nn.SliceOp(a, [0], [2]))
        new = g.add(nn.BinaryOp("mul", half, x))
        rest = g.add(nn.UnaryOp("tanh", g.add(nn.SliceOp(a, [1], [2]))))
        return (g.add(nn.ConcatOp([rest, new], 0)),)

    op = g.scan([x], [a], body, 5)
    check(g.module(*op.states), target)


def test_constant_and_outer_values_yielded(target):
    g = Graph()
    x, a = g.input((5, 4)), g.input((4,))
    k = g.const([1, 2, 3, 4])
    op = g.scan([x], [a, a], lambda _, x, s, r: (k, x, a, k), 5)
    check(g.module(*op.states, *op.outputs), target)


@pytest.mark.parametrize("flags", [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("symbol", ["", "T"])
def test_directions(flags, symbol, target):
    g = Graph({"T": 6} if symbol else None)
    x = g.input((6, 4), symbols=(symbol, ""))
    a = g.input((4,))
    body = lambda _, x, a: (g.add(nn.BinaryOp("sub", x, a)), g.add(nn.UnaryOp("exp", x)))  # noqa: E731
    op = g.scan([x], [a], body, 6, symbol, input_reverse=[flags[0]], output_reverse=[flags[1]])
    check(g.module(*op.states, *op.outputs), target, lengths={"T": 4} if symbol else None)


@pytest.mark.parametrize("steps", [-1, 0, 1, 4, 9])
@pytest.mark.parametrize("reverse", [False, True])
def test_run_time_steps(steps, reverse, target):
    g = Graph()
    x, a = g.input((6, 4)), g.input((4,))
    n = g.const(np.full((), steps), np.int64)
    body = lambda _, x, a: (g.add(nn.BinaryOp("sub", x, a)), a)  # noqa: E731
    flags = [reverse]
    op = g.scan([x], [a], body, 6, steps=n, input_reverse=flags, output_reverse=flags)
    check(g.module(*op.states, *op.outputs), target)


@pytest.mark.parametrize("high", [1, 4, 9])
def test_steps_from_an_input(high, target):
    g = Graph({"T": 6})
    x, a = g.input((6, 4), symbols=("T", "")), g.input((4,))
    n = g.input((), np.int64)
    op = g.scan([x], [a], lambda _, x, a: (g.add(nn.BinaryOp("sub", x, a)), a), 6, "T", steps=n)
    check(g.module(*op.states, *op.outputs), target, high=high, lengths={"T": 5})


def test_step_number(target):
    g = Graph()
    x, a = g.input((9, 4)), g.input((4,))

    def body(t, a):
        row = g.add(nn.DynamicSliceOp(x, t, 0, 1))
        picked = g.add(nn.GatherOp(x, t, 0))
        time = g.add(nn.CastOp(t, element_type("f4")))
        total = g.add(nn.BinaryOp("add", g.add(nn.BinaryOp("mul", picked, time)), row))
        flat = g.add(nn.ReshapeOp(total, tensor_type(element_type("f4"), (4,))))
        return g.add(nn.BinaryOp("add", a, flat)), t

    op = g.scan([], [a], body, 9)
    check(g.module(*op.states, *op.outputs), target)


@pytest.mark.parametrize("symbol", ["", "T"])
def test_attention(symbol, target):
    g = Graph({"T": 7} if symbol else None)
    keys = g.input((7, 4), symbols=(symbol, ""))
    q = g.input((1, 4))
    w = g.const(np.random.default_rng(0).standard_normal((4, 4)))

    def body(_, q):
        scores = g.add(nn.MatmulOp(q, keys, transpose_b=True))
        mix = g.add(nn.MatmulOp(g.add(nn.SoftmaxOp(scores, 1)), keys))
        new = g.add(nn.UnaryOp("tanh", g.add(nn.MatmulOp(mix, w))))
        return new, new

    op = g.scan([], [q], body, 5)
    lowered = check(g.module(*op.states, *op.outputs), target, lengths={"T": 3} if symbol else None)
    if target == "edge":
        # Keys, their transpose and w are loaded once; a step has one store and nothing else.
        assert steps_of(lowered).count("npu.dma") == 1


def test_nested(target):
    g = Graph()
    x, a = g.input((3, 4, 2)), g.input((2,))

    def outer(_, rows, a):
        inner = g.scan([rows], [a], lambda _, r, b: (g.add(nn.BinaryOp("sub", r, b)), b), 4)
        return inner.states[0], inner.outputs[0], a

    op = g.scan([x], [a], outer, 3)
    check(g.module(*op.states, *op.outputs), target)


def test_two_directions_side_by_side(target):
    g = Graph()
    x, a = g.input((5, 1, 4)), g.input((1, 4))
    body = lambda _, x, a: [g.add(nn.BinaryOp("sub", x, a))] * 2  # noqa: E731
    shape = tensor_type(element_type("f4"), (5, 1, 1, 4))
    halves = [
        g.scan([x], [a], body, 5, input_reverse=[r], output_reverse=[r]).outputs[0]
        for r in (False, True)
    ]
    both = g.add(nn.ConcatOp([g.add(nn.ReshapeOp(h, shape)) for h in halves], 1))
    lowered = check(g.module(both), target)
    # x and the two initial states come in; each step stores its row straight into the output.
    if target == "edge":
        assert count(lowered, npu.DmaOp) == 5


def test_large_sequences_stay_off_chip(tmp_path):
    g = Graph()
    x, a = g.input((40, 16)), g.input((16,))
    e = g.add(nn.UnaryOp("exp", x))
    op = g.scan([e], [a], lambda _, x, a: [g.add(nn.BinaryOp("sub", x, a))] * 2, 40)
    y = g.add(nn.BinaryOp("add", op.outputs[0], op.states[0]))
    lowered = check(g.module(y), tiny(tmp_path, 256, 1024))
    on_chip = [
        a for a in lowered.walk() if isinstance(a, npu.AllocOp) and "vmem" in str(a.buffer.type)
    ]
    assert sum(a.buffer.type.elements * 4 for a in on_chip) <= 2048


def test_state_type_changes_in_the_body(target):
    g = Graph()
    a = g.input((4,), np.int64)

    def body(t, a):
        wide = g.add(nn.CastOp(a, element_type("f4")))
        return (g.add(nn.CastOp(g.add(nn.BinaryOp("add", wide, wide)), element_type("i8"))),)

    op = g.scan([], [a], body, 3)
    check(g.module(*op.states), target)
