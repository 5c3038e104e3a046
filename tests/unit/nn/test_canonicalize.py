"""Canonicalization of nn: it fires where it must, and never changes a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute
from xdsl.transforms.canonicalize import CanonicalizePass

from rnncc.dialects import nn
from rnncc.dialects._types import tensor_type
from rnncc.interpreter import run

from . import onnx_modules as modules

X = tensor_type(f32, (2, 3, 4))
DATA = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
DATA[0, 0] = [0.0, -0.0, np.inf, np.nan]


def canonical(build: Any, kind: Attribute = X, data: np.ndarray = DATA) -> list[str]:
    """Names of the operations left of what `build(block, x)` makes; values must stay the same."""
    module, block, values = modules.function({"x": kind})

    def add(op):
        block.add_op(op)
        return op.results[0]

    modules.finish(block, {"y": build(add, values["x"])})
    module.verify()
    before = run(module, {"x": data})["y"]
    CanonicalizePass().apply(Context(), module)
    module.verify()
    after = run(module, {"x": data})["y"]
    assert before.dtype == after.dtype
    assert before.tobytes() == after.tobytes()
    return [op.name for op in block.ops if op.name != "func.return"]


def scalar(add, number, dtype: type = np.float32):
    return add(nn.ConstantOp(np.array(number, dtype)))


def transposed(add, x, *perms):
    for perm in perms:
        x = add(nn.TransposeOp(x, perm))
    return x


NOTHING_LEFT = {
    "identity": lambda add, x: add(nn.UnaryOp("identity", x)),
    "neg neg": lambda add, x: add(nn.UnaryOp("neg", add(nn.UnaryOp("neg", x)))),
    "x*1": lambda add, x: add(nn.BinaryOp("mul", x, scalar(add, 1))),
    "1*x": lambda add, x: add(nn.BinaryOp("mul", scalar(add, 1), x)),
    "x/1": lambda add, x: add(nn.BinaryOp("div", x, scalar(add, 1))),
    "x-0": lambda add, x: add(nn.BinaryOp("sub", x, scalar(add, 0.0))),
    "x+-0": lambda add, x: add(nn.BinaryOp("add", x, scalar(add, -0.0))),
    "transposes": lambda add, x: transposed(add, x, [2, 0, 1], [1, 2, 0]),
    "cast": lambda add, x: add(nn.CastOp(x, f32)),
    "reshapes": lambda add, x: add(nn.ReshapeOp(add(nn.ReshapeOp(x, tensor_type(f32, (24,)))), X)),
    "slice": lambda add, x: add(nn.SliceOp(x, [0, 0, 0], [2, 3, 4])),
    "concat": lambda add, x: add(nn.ConcatOp([x], 1)),
    "pad": lambda add, x: add(nn.PadOp(x, [0, 0, 0], [0, 0, 0])),
    "broadcast": lambda add, x: add(nn.BroadcastOp(x, X)),
    "reduce": lambda add, x: add(nn.ReduceOp("sum", x, [])),
    "select": lambda add, x: add(
        nn.SelectOp(add(nn.ConstantOp(np.array(True))), x, scalar(add, 3.0))
    ),
    "reversed twice": lambda add, x: add(
        nn.SliceOp(
            add(nn.SliceOp(x, [1, 0, 3], [2, 3, 4], [-1, 1, -1])), [1, 0, 3], [2, 3, 4], [-1, 1, -1]
        )
    ),
}


@pytest.mark.parametrize("name", NOTHING_LEFT)
def test_becomes_its_operand(name):
    assert canonical(NOTHING_LEFT[name]) == []


KEPT = {
    "x+0": lambda add, x: add(nn.BinaryOp("add", x, scalar(add, 0.0))),
    "x--0": lambda add, x: add(nn.BinaryOp("sub", x, scalar(add, -0.0))),
    "1/x": lambda add, x: add(nn.BinaryOp("div", scalar(add, 1), x)),
    "x*[1]": lambda add, x: add(
        nn.BinaryOp("mul", x, add(nn.ConstantOp(np.ones((1, 2, 3, 4), np.float32))))
    ),
    "reversed": lambda add, x: add(nn.SliceOp(x, [1, 0, 0], [2, 3, 4], [-1, 1, 1])),
    "x/x": lambda add, x: add(nn.BinaryOp("div", x, x)),
}


@pytest.mark.parametrize("name", KEPT)
def test_is_kept(name):
    assert canonical(KEPT[name])[-1] in ("nn.binary", "nn.slice")


def test_whole_number_sum_with_zero():
    kind = modules.static(np.zeros(3, np.int64))
    left = canonical(
        lambda add, x: add(nn.BinaryOp("add", scalar(add, 0, np.int64), x)), kind, np.arange(3)
    )
    assert left == []


def test_moving_unit_dimensions_is_a_reshape():
    kind = tensor_type(f32, (1, 3, 4))
    left = canonical(lambda add, x: transposed(add, x, [1, 0, 2]), kind, DATA[:1])
    assert left == ["nn.reshape"]


def test_weight_becomes_a_transposed_view():
    weight = np.random.default_rng(1).standard_normal((4, 5)).astype(np.float32)
    module, block, values = modules.function({"x": X})
    w = modules.constant(block, weight)
    product = nn.MatmulOp(values["x"], w)
    block.add_op(product)
    modules.finish(block, {"y": product.result})
    CanonicalizePass().apply(Context(), module)
    constant, matmul, _ = block.ops
    assert isinstance(constant, nn.ConstantOp)
    assert isinstance(matmul, nn.MatmulOp)
    assert matmul.transpose_b
    assert constant.array.shape == (5, 4)
    assert np.shares_memory(constant.array, weight)


def test_large_views_are_not_copied():
    weight = np.zeros((300, 400), np.float32)
    module, block, _ = modules.function({})
    w = modules.constant(block, weight)
    sliced = nn.SliceOp(w, [10, 0], [100, 400])
    turned = nn.TransposeOp(sliced.result, [1, 0])
    added = nn.BinaryOp("add", turned.result, turned.result)
    block.add_ops([sliced, turned, added])
    modules.finish(block, {"y": added.result})
    CanonicalizePass().apply(Context(), module)
    constant, kept, _ = block.ops
    assert isinstance(constant, nn.ConstantOp)
    assert np.shares_memory(constant.array, weight)
    assert kept is added


def test_negated_condition_swaps():
    def build(add, x):
        c = add(nn.CompareOp("lt", x, scalar(add, 0)))
        return add(nn.SelectOp(add(nn.UnaryOp("not", c)), x, scalar(add, 1)))

    assert "nn.unary" not in canonical(build)


def test_broadcast_before_arithmetic_goes():
    def build(add, x):
        return add(nn.BinaryOp("add", x, add(nn.BroadcastOp(scalar(add, 2), X))))

    assert canonical(build) == ["nn.constant", "nn.binary"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_chains_of_moves_keep_their_values(data):
    def build(add, x):
        for _ in range(data.draw(st.integers(1, 5))):
            shape = x.type.get_shape()
            kind = data.draw(st.sampled_from(["transpose", "slice", "reshape", "pad"]))
            if kind == "transpose":
                x = add(nn.TransposeOp(x, data.draw(st.permutations(range(len(shape))))))
            elif kind == "reshape":
                flat = int(np.prod(shape))
                x = add(nn.ReshapeOp(x, tensor_type(f32, (flat, 1))))
            elif kind == "pad":
                low = [data.draw(st.integers(0, 1)) for _ in shape]
                x = add(nn.PadOp(x, low, low, 1.5))
            else:
                chosen = [range(n)[:: data.draw(st.sampled_from([1, 2, -1]))] for n in shape]
                x = add(
                    nn.SliceOp(
                        x,
                        [r.start for r in chosen],
                        [len(r) for r in chosen],
                        [r.step for r in chosen],
                    )
                )
        return x

    canonical(build)
