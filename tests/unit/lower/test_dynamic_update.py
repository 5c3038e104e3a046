"""nn.dynamic_update: a part of a tensor replaced where a register says, in place where that is possible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.dialects import nn, npu
from rnncc.dialects._types import shape_of
from rnncc.errors import DynamicTimeError, InputError, ShapeError
from rnncc.interpreter import run

from .build import Graph, check, count


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["edge", "tpu-v1"]),
    st.booleans(),
)
def test_a_text_that_grows(turns, width, part, target, read_old):
    """Every turn writes a part at its number; whether the old text is read after decides on a copy."""
    g = Graph()
    x, text = g.input((turns, part, width)), g.input((turns + part, width))

    def body(t, xt, s):
        new = g.add(nn.DynamicUpdateOp(s, xt, t, 0))
        last = s if read_old else new
        return [new, g.add(nn.ReduceOp("sum", last, [0]))]

    scan = g.scan([x], [text], body, turns)
    check(g.module(*scan.results), target)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_and_sources(axis):
    g = Graph()
    x, i = g.input((4, 3, 5)), g.input((), np.int64)
    part = g.add(nn.DynamicSliceOp(g.add(nn.UnaryOp("exp", x)), i, axis, 1))
    first = g.add(nn.DynamicUpdateOp(x, part, i, axis))
    again = g.add(nn.DynamicUpdateOp(first, part, g.const(1, "i8"), axis))
    check(g.module(first, again))


def test_a_part_of_the_text_itself():
    g = Graph()
    text = g.input((6, 2))

    def body(t, s):
        part = g.add(nn.DynamicSliceOp(s, t, 0, 2))
        return [
            g.add(nn.DynamicUpdateOp(s, part, g.add(nn.BinaryOp("add", t, g.const(1, "i8"))), 0))
        ]

    check(g.module(*g.scan([], [text], body, 4).results))


def test_in_place():
    g = Graph()
    x, text = g.input((5, 1)), g.input((64,))
    scan = g.scan([x], [text], lambda t, xt, s: [g.add(nn.DynamicUpdateOp(s, xt, t, 0))], 5)
    lowered = check(g.module(*scan.results))
    (loop,) = (op for op in lowered.walk() if isinstance(op, npu.LoopOp))
    assert sum(isinstance(op, npu.InstructionOp) for op in loop.body.walk()) == 1
    assert count(lowered, npu.LoopOp) == 1


def test_refused():
    g = Graph({"T": 4})
    x, i = g.input((4, 3)), g.input((), np.int64)
    timed = g.input((4, 3), symbols=["T", ""])
    for part in (g.input((1, 2)), g.input((5, 3)), g.input((3,))):
        with pytest.raises(ShapeError):
            nn.DynamicUpdateOp(x, part, i, 0)
    with pytest.raises(DynamicTimeError):
        nn.DynamicUpdateOp(timed, x, i, 0)
    part = g.input((2, 3))
    module = g.module(g.add(nn.DynamicUpdateOp(x, part, i, 0)))
    arrays = {f"x{k}": np.zeros(shape_of(a), np.float32) for k, a in enumerate(g.block.args)}
    with pytest.raises(InputError):
        run(module, {**arrays, "x1": np.asarray(3)})
