"""Older forms of operators mean what they meant: imported, converted, interpreted; against ORT."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from models import constant, lstm, model, names, tensor
from onnx import helper
from xdsl.context import Context

from rnncc.frontend import import_model

ort = pytest.importorskip("onnxruntime")
NEWEST = onnx.defs.onnx_opset_version()
X = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)


def interpret(given: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    from rnncc.interpreter import run
    from rnncc.pipeline import parse

    module = import_model(given)
    module.verify()
    for step in parse("convert-onnx-to-nn"):
        step.apply(Context(), module)
    return run(module, {"x": x})["y"]


def agree(given: onnx.ModelProto, x: np.ndarray = X) -> None:
    session = ort.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["y"], {"x": x})
    np.testing.assert_allclose(interpret(given, x), expected, rtol=1e-5, atol=1e-6)


def one(op: str, opset: int, extra=(), shape=X.shape, **attributes) -> onnx.ModelProto:
    node = helper.make_node(op, ["x", *(t.name for t in extra)], ["y"], op.lower(), **attributes)
    return model([node], [tensor("x", shape)], ["y"], extra, opset)


@pytest.mark.parametrize("opset", [7, 11, 12, 13, 20])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, -2])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax(op: str, opset: int, axis: int | None):
    agree(one(op, opset, **({} if axis is None else {"axis": axis})))


@pytest.mark.parametrize("opset", [7, 9, 10, 11, 12, 13, 17, 18, 21])
def test_attributes_that_became_inputs(opset: int):
    def ints(name: str, *values: int):
        return constant(name, values, np.int64)

    if opset < 13:
        agree(one("Unsqueeze", opset, axes=[1]))
        agree(one("ReduceSum", opset, axes=[1], keepdims=0))
        agree(one("Squeeze", opset, shape=(2, 1, 4), axes=[1]), X[:, :1])
    else:
        agree(one("Unsqueeze", opset, [ints("axes", 1)]))
        agree(one("ReduceSum", opset, [ints("axes", 1)], keepdims=0))
        agree(one("Squeeze", opset, [ints("axes", 1)], shape=(2, 1, 4)), X[:, :1])
    if opset < 18:
        agree(one("ReduceMax", opset, axes=[0, 2]))
        agree(one("ReduceMean", opset))
    else:
        agree(one("ReduceMax", opset, [ints("axes", 0, 2)]))
        agree(one("ReduceMean", opset))
    if opset < 10:
        agree(one("Slice", opset, starts=[1, -3], ends=[9, -1], axes=[0, 2]))
    else:
        bounds = [ints("s", 1, -3), ints("e", 9, -1), ints("a", 0, 2)]
        agree(one("Slice", opset, bounds))
    if opset < 11:
        agree(one("Clip", opset, min=-0.5, max=0.25))
        agree(one("Pad", opset, pads=[0, 1, 0, 1, 0, 2], value=1.5))
    else:
        agree(one("Clip", opset, [constant("l", -0.5), constant("h", 0.25)]))
        agree(one("Pad", opset, [ints("p", 0, 1, 0, 1, 0, 2), constant("v", 1.5)]))


@pytest.mark.parametrize("opset", [7, 11, 13, 18])
def test_split_has_its_sizes(opset: int):
    more: dict = {"num_outputs": 3} if opset >= 18 else {}
    split = helper.make_node("Split", ["x"], ["a", "b", "c"], "cut", axis=1, **more)
    join = helper.make_node("Concat", ["c", "a", "b"], ["y"], axis=1)
    agree(model([split, join], [tensor("x", X.shape)], ["y"], opset=opset))


@pytest.mark.parametrize("opset", [7, 10, 12, 13])
def test_dropout_and_identity_are_gone(opset: int):
    nodes = [
        helper.make_node("Dropout", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    given = model(nodes, [tensor("x", X.shape)], ["y"], opset=opset)
    assert names(import_model(given)) == ["Relu"]


@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_every_opset_has_a_recurrence(opset: int):
    module = import_model(lstm(opset=opset, time=5))
    module.verify()
    assert names(module) == ["LSTM"]


def test_hidden_size_comes_from_the_weights():
    given = lstm(time=5)
    del given.graph.node[0].attribute[:]
    assert "hidden_size = 4" in str(import_model(given))


def test_scan_8_keeps_its_batch():
    body = helper.make_graph(
        [helper.make_node("Add", ["s", "e"], ["n"]), helper.make_node("Identity", ["n"], ["o"])],
        "body",
        [tensor("s", [2]), tensor("e", [2])],
        [tensor("n", [2]), tensor("o", [2])],
    )
    node = helper.make_node(
        "Scan", ["", "h", "x"], ["f", "y"], "scan", num_scan_inputs=1, body=body
    )
    given = model([node], [tensor("h", [3, 2]), tensor("x", [3, 5, 2])], ["f", "y"], opset=8)
    module = import_model(given)
    module.verify()
    assert names(module) == ["Scan_8", "Add"]
    assert "-> (tensor<3x2xf32>, tensor<3x5x2xf32>)" in str(module)
