"""Small ONNX models for the tests of the front end."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

F, INT = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def tensor(name: str, shape, element: int = F) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def constant(name: str, value, dtype: np.typing.DTypeLike = np.float32) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.array(value, dtype), name)


def model(nodes, inputs, outputs, constants=(), opset: int = 17, **more) -> onnx.ModelProto:
    """A model; an output given as a name has no shape."""
    outputs = [tensor(o, None) if isinstance(o, str) else o for o in outputs]
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(constants))
    more.setdefault("ir_version", 8)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **more)


def lstm(hidden: int = 4, size: int = 3, time: int | str = "T", batch: int | str = 1, opset=17):
    """An LSTM with weights, x[time, batch, size] -> y, yh."""
    draw = np.random.default_rng(0).standard_normal
    weights = {
        "W": draw((1, 4 * hidden, size), dtype=np.float32),
        "R": draw((1, 4 * hidden, hidden), dtype=np.float32),
    }
    node = helper.make_node("LSTM", ["x", *weights], ["y", "yh"], "rnn", hidden_size=hidden)
    constants = [onnx.numpy_helper.from_array(a, n) for n, a in weights.items()]
    return model([node], [tensor("x", [time, batch, size])], ["y", "yh"], constants, opset)


def function(module):
    """``@main`` of an imported module."""
    return next(iter(module.body.block.ops))


def names(module) -> list[str]:
    """The operators of an imported module, constants and terminators left out."""
    found = [op.name.removeprefix("onnx.") for op in function(module).walk()]
    return [n for n in found if n not in ("func.func", "func.return", "Constant", "Yield")]


def types(module) -> list[str]:
    """The types of the results of ``@main``."""
    return [str(t) for t in function(module).function_type.outputs]


def attribute(module, name: str) -> str:
    """A module attribute as text, "" when it is not there."""
    found = module.attributes.get(name)
    return found.data if found is not None else ""
