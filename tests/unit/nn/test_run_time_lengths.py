"""Symbols: one module serves every length up to its maximum, or is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import f32, i1, i64
from xdsl.transforms.canonicalize import CanonicalizePass

from rnncc.dialects import nn
from rnncc.dialects._types import actual_shape, symbols_of, tensor_type
from rnncc.errors import DynamicTimeError, InputError, ShapeError
from rnncc.interpreter import run
from rnncc.passes.convert_onnx_to_nn import ConvertOnnxToNnPass

from . import onnx_modules as modules

X = tensor_type(f32, (6, 2, 3), ("T", "", ""))
I64 = np.int64


def converted(op_type: str, known: list, result: Any, x: Any = X, **attributes: Any):
    module, block, values = modules.function({"x": x}, {"T": 6})
    operands = [values["x"], *(modules.constant(block, a) for a in known)]
    op = modules.node(op_type, operands, [result], **attributes)
    block.add_op(op)
    modules.finish(block, {"y": op.results[0]})
    ConvertOnnxToNnPass().apply(Context(), module)
    module.verify()
    return module


def test_actual_shapes():
    kind = tensor_type(f32, (12, 5, 6), ("T", "", "T"))
    assert actual_shape(kind, {"T": 6}, {"T": 2}) == (4, 5, 2)
    assert actual_shape(kind, {"T": 6}, {}) == (12, 5, 6)
    assert symbols_of(tensor_type(f32, (2, 3), ("", ""))) == ("", "")


FOLLOWED: list[tuple[str, list, Any, dict, Any]] = [
    ("Gather", [np.array(-1)], tensor_type(f32, (2, 3)), dict(axis=0), lambda x: x[-1]),
    ("Gather", [np.array([0])], tensor_type(f32, (1, 2, 3)), {}, lambda x: x[:1]),
    ("Slice", [np.array([-1]), np.array([2**62])], tensor_type(f32, (1, 2, 3)), {}, lambda x: x[-1:]),
    ("Slice", [np.array([0]), np.array([6])], X, {}, lambda x: x),
    ("Slice", [np.array([-1]), np.array([-(2**62)]), np.array([0]), np.array([-1])], X, {},
     lambda x: x[::-1]),
    ("Reshape", [np.array([6, 6])], tensor_type(f32, (6, 6), ("T", "")), {},
     lambda x: x.reshape(-1, 6)),
    ("Reshape", [np.array([12, 3])], tensor_type(f32, (12, 3), ("T", "")), {},
     lambda x: x.reshape(-1, 3)),
    ("Transpose", [], tensor_type(f32, (2, 6, 3), ("", "T", "")), dict(perm=[1, 0, 2]),
     lambda x: x.transpose(1, 0, 2)),
    ("ReduceSum", [np.array([0])], tensor_type(f32, (2, 3)), dict(keepdims=0), lambda x: x.sum(0)),
    ("Softmax", [], X, dict(axis=0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    ("ArgMax", [], tensor_type(i64, (6, 2), ("T", "")), dict(axis=2, keepdims=0),
     lambda x: x.argmax(2)),
    ("Pad", [np.array([0, 1, 0, 0, 0, 1])], tensor_type(f32, (6, 3, 4), ("T", "", "")), {},
     lambda x: np.pad(x, ((0, 0), (1, 0), (0, 1)))),
    ("MatMul", [np.ones((3, 4), np.float32)], tensor_type(f32, (6, 2, 4), ("T", "", "")), {},
     lambda x: x @ np.ones((3, 4), np.float32)),
    ("Tile", [np.array([2, 1, 1])], tensor_type(f32, (12, 2, 3), ("T", "", "")), {},
     lambda x: np.concatenate([x, x])),
]  # fmt: skip


@pytest.mark.parametrize("case", FOLLOWED, ids=lambda c: c[0])
def test_every_length(case):
    op_type, known, result, attributes, reference = case
    module = converted(op_type, known, result, **attributes)
    for length in (1, 3, 6):
        x = np.random.default_rng(length).standard_normal((length, 2, 3)).astype(np.float32)
        np.testing.assert_allclose(run(module, {"x": x})["y"], reference(x), 1e-5)
    CanonicalizePass().apply(Context(), module)
    np.testing.assert_allclose(run(module, {"x": x[:2]})["y"], reference(x[:2]), 1e-5)


REFUSED: list[tuple[str, list, Any, dict]] = [
    ("Gather", [np.array(2)], tensor_type(f32, (2, 3)), dict(axis=0)),
    ("Slice", [np.array([1]), np.array([6])], tensor_type(f32, (5, 2, 3)), {}),
    ("Reshape", [np.array([6, 6])], tensor_type(f32, (6, 6)), {}),
    ("Shape", [], tensor_type(i64, (3,)), {}),
    ("Add", [np.ones((6, 1, 1), np.float32)], X, {}),
    ("Concat", [np.ones((6, 2, 3), np.float32)], tensor_type(f32, (12, 2, 3)), dict(axis=0)),
    ("Split", [np.array([3, 3])], tensor_type(f32, (3, 2, 3)), dict(axis=0)),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c[0])
def test_one_length_only_is_refused(case):
    op_type, known, result, attributes = case
    with pytest.raises(DynamicTimeError, match=f"{op_type} 'the_node'"):
        converted(op_type, known, result, **attributes)


def test_unused_shape_arithmetic_is_dropped():
    module, block, values = modules.function({"x": X}, {"T": 6})
    shape = modules.node("Shape", [values["x"]], [tensor_type(i64, (3,))])
    block.add_op(shape)
    relu = modules.node("Relu", [values["x"]], [X])
    block.add_op(relu)
    modules.finish(block, {"y": relu.results[0]})
    ConvertOnnxToNnPass().apply(Context(), module)
    assert [op.name for op in block.ops] == ["nn.unary", "func.return"]


def test_inference_refuses_what_one_length_hides():
    module, block, values = modules.function({"x": X}, {"T": 6})
    fixed = modules.constant(block, np.ones((6, 2, 3), np.float32))
    with pytest.raises(DynamicTimeError):
        nn.BinaryOp("add", values["x"], fixed)
    with pytest.raises(DynamicTimeError):
        nn.BroadcastOp(values["x"], tensor_type(f32, (6, 2, 3)))
    with pytest.raises(DynamicTimeError):
        nn.PadOp(values["x"], [1, 0, 0], [0, 0, 0])
    with pytest.raises(ShapeError):
        nn.TransposeOp(values["x"], [0, 1])
    condition = modules.constant(block, np.ones((2, 3), bool))
    assert nn.SelectOp(condition, values["x"], values["x"]).result.type == X
    assert nn.CastOp(values["x"], i1).result.type == tensor_type(i1, (6, 2, 3), ("T", "", ""))
    assert module is not None


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "'x' is missing"),
        ({"x": np.zeros((2, 2, 3), np.float32), "z": 0}, "no input 'z'"),
        ({"x": np.zeros((2, 2, 3))}, "is float64, the model takes float32"),
        ({"x": np.zeros((7, 2, 3), np.float32)}, r"\[7, 2, 3\], the model takes \[T<=6, 2, 3\]"),
        ({"x": np.zeros((2, 2, 4), np.float32)}, "the model takes"),
        ({"x": np.zeros((2, 3), np.float32)}, "the model takes"),
    ],
)
def test_wrong_inputs_are_named(inputs, message):
    module = converted("Relu", [], X)
    with pytest.raises(InputError, match=message):
        run(module, inputs)


def test_an_index_out_of_range_is_an_error():
    module, block, values = modules.function({"i": tensor_type(i64, (1,))})
    table = modules.constant(block, np.ones((4, 2), np.float32))
    gather = nn.GatherOp(table, values["i"], 0)
    block.add_op(gather)
    modules.finish(block, {"y": gather.result})
    with pytest.raises(InputError, match=r"outside 0\.\.3"):
        run(module, {"i": np.array([4])})


def test_contradicting_lengths():
    kinds = {"a": tensor_type(f32, (6,), ("T",)), "b": tensor_type(f32, (12,), ("T",))}
    module, block, values = modules.function(kinds, {"T": 6})
    modules.finish(block, values)
    a, b = np.zeros(3, np.float32), np.zeros(6, np.float32)
    assert run(module, {"a": a, "b": b})["b"].shape == (6,)
    with pytest.raises(InputError, match="T=4"):
        run(module, {"a": a, "b": np.zeros(8, np.float32)})
