"""Random graphs: views, products, reductions and scans over drawn shapes and machines."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnncc.dialects import nn
from rnncc.dialects._types import element_type, shape_of, symbols_of, tensor_type

from .build import Graph, check, tiny

MEMORIES = st.sampled_from([(4096, 1 << 16), (256, 2048), (128, 1024)])
QUIET = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def grow(g, draw, value):
    """One more random operation on a value."""
    shape = shape_of(value)
    rank = len(shape)
    kind = draw(
        st.sampled_from(
            [
                "unary",
                "binary",
                "transpose",
                "slice",
                "reduce",
                "softmax",
                "concat",
                "matmul",
                "flat",
            ]
        )
    )
    axis = draw(st.integers(0, rank - 1)) if rank else 0
    if kind == "unary" or not rank:
        return g.add(nn.UnaryOp(draw(st.sampled_from(["tanh", "sigmoid", "neg"])), value))
    if kind == "binary":
        dims = [
            1 if s or draw(st.booleans()) else n
            for n, s in zip(shape, symbols_of(value), strict=True)
        ]
        other = dims[draw(st.integers(0, rank)) :]
        return g.add(
            nn.BinaryOp("add", value, g.const(np.random.default_rng(0).standard_normal(other)))
        )
    if kind == "transpose":
        return g.add(nn.TransposeOp(value, draw(st.permutations(range(rank)))))
    if kind == "slice" and not symbols_of(value)[axis]:
        size = draw(st.integers(1, shape[axis]))
        start = draw(st.integers(0, shape[axis] - size))
        sizes = [size if i == axis else n for i, n in enumerate(shape)]
        backwards = draw(st.booleans())
        starts = [0 if i != axis else start + (size - 1) * backwards for i in range(rank)]
        return g.add(
            nn.SliceOp(
                value, starts, sizes, [-1 if i == axis and backwards else 1 for i in range(rank)]
            )
        )
    if kind == "reduce" and not any(symbols_of(value)):
        return g.add(
            nn.ReduceOp(
                draw(st.sampled_from(["sum", "max", "mean"])), value, [axis], draw(st.booleans())
            )
        )
    if kind == "softmax":
        return g.add(nn.SoftmaxOp(value, axis))
    if kind == "concat" and not symbols_of(value)[axis]:
        return g.add(nn.ConcatOp([value, g.add(nn.UnaryOp("tanh", value)), value], axis))
    if kind == "matmul" and rank >= 2 and not symbols_of(value)[-1]:
        w = np.random.default_rng(1).standard_normal((shape[-1], draw(st.integers(1, 9))))
        return g.add(nn.MatmulOp(value, g.const(w / np.sqrt(shape[-1]))))
    if kind == "flat" and not any(symbols_of(value)):
        return g.add(nn.ReshapeOp(value, tensor_type(element_type("f4"), (int(np.prod(shape)),))))
    return value


@QUIET
@given(st.data(), MEMORIES)
def test_graphs(tmp_path_factory, data, memories):
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    timed = data.draw(st.booleans())
    g = Graph({"T": shape[0]} if timed else None)
    value = g.input(shape, symbols=["T" if timed and i == 0 else "" for i in range(len(shape))])
    values = [value]
    for _ in range(data.draw(st.integers(1, 6))):
        values.append(grow(g, data.draw, values[data.draw(st.integers(0, len(values) - 1))]))
    outs = [values[-1], values[len(values) // 2]]
    lengths = {"T": data.draw(st.integers(1, shape[0]))} if timed else None
    check(g.module(*outs), tiny(tmp_path_factory.mktemp("m"), *memories), lengths, rtol=1e-4)


@QUIET
@given(st.data(), MEMORIES)
def test_scans(tmp_path_factory, data, memories):
    draw = data.draw
    steps, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    symbol = draw(st.sampled_from(["", "T"]))
    g = Graph({"T": steps} if symbol else None)
    x = g.input((steps, 2, width), symbols=(symbol, "", ""))
    count = draw(st.integers(1, 3))
    inits = [g.input((2, width)) for _ in range(count)]
    w = g.const(np.random.default_rng(1).standard_normal((width, width)) / width)

    def body(_, x, *states):
        pool = [x, *states]
        for _ in range(draw(st.integers(1, 5))):
            a = pool[draw(st.integers(0, len(pool) - 1))]
            b = pool[draw(st.integers(0, len(pool) - 1))]
            kind = draw(st.sampled_from(["add", "mul", "matmul", "tanh", "flip", "concat"]))
            if kind in ("add", "mul"):
                pool.append(g.add(nn.BinaryOp(kind, a, b)))
            elif kind == "matmul":
                pool.append(g.add(nn.MatmulOp(a, w)))
            elif kind == "tanh":
                pool.append(g.add(nn.UnaryOp("tanh", a)))
            elif kind == "flip":
                pool.append(g.add(nn.SliceOp(a, [1, 0], [2, width], [-1, 1])))
            else:
                rows = [g.add(nn.SliceOp(v, [0, 0], [1, width])) for v in (a, b)]
                pool.append(g.add(nn.ConcatOp(rows, 0)))
        last = len(pool) - 1
        return [pool[draw(st.integers(0, last))] for _ in range(count + 2)]

    flags = [draw(st.booleans()) for _ in range(3)]
    op = g.scan([x], inits, body, steps, symbol, input_reverse=flags[:1], output_reverse=flags[1:])
    lengths = {"T": draw(st.integers(1, steps))} if symbol else None
    target = tiny(tmp_path_factory.mktemp("m"), *memories)
    check(g.module(*op.states, *op.outputs), target, lengths, rtol=1e-4)
