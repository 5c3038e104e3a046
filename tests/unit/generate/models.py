"""Small step models as exporters write them: a token and states in, logits and states out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from rnncc.generation import Generate, Generator
from rnncc.program import Program
from rnncc.reference_generation import generate_with

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def step_model(
    cell: str = "LSTM",
    layers: int = 1,
    words: int = 11,
    hidden: int = 6,
    *,
    token: tuple[int, ...] = (1, 1),
    wide: bool = True,
    seed: int = 0,
    sharp: float = 3.0,
) -> onnx.ModelProto:
    """A language model's step: embedding, layers, projection; the states of each layer on their own.

    Args:
        token: the shape of the token.
        wide: tokens are i64, else i32.
        sharp: how far the logits are apart.
    """
    rng = np.random.default_rng(seed)
    nodes, weights = [], []

    def weight(name: str, *shape: int, scale: float = 1.0) -> str:
        array = (scale * rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        weights.append(numpy_helper.from_array(array, name))
        return name

    def add(op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], **attributes))

    weights.append(numpy_helper.from_array(np.array([1, 1, hidden], np.int64), "shape"))
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    weight("embedding", words, hidden, scale=2)
    kind = TensorProto.INT64 if wide else TensorProto.INT32
    inputs = [helper.make_tensor_value_info("token", kind, token)]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 1, words))]
    add("Gather", ["embedding", "token"], ["row"])
    add("Reshape", ["row", "shape"], ["x0"])
    for layer in range(layers):
        gates = GATES[cell] * hidden
        names = [f"{n}{layer}" for n in ("h", "c")][: 2 if cell == "LSTM" else 1]
        parts = [
            f"x{layer}",
            weight(f"w{layer}", 1, gates, hidden),
            weight(f"r{layer}", 1, gates, hidden),
            weight(f"b{layer}", 1, 2 * gates),
            "",
            *names,
        ]
        after = [f"{name}_out" for name in names]
        add(cell, parts, [f"y{layer}", *after], hidden_size=hidden)
        add("Squeeze", [f"y{layer}", "axis"], [f"x{layer + 1}"])
        for ports, found in ((inputs, names), (outputs, after)):
            ports += [
                helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 1, hidden)) for n in found
            ]
    add("MatMul", [f"x{layers}", weight("projection", hidden, words, scale=sharp * 2)], ["logits"])
    graph = helper.make_graph(nodes, "step", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def bigrams(words: int = 16, seed: int = 0) -> onnx.ModelProto:
    """A model without states: a row of a table of logits."""
    table = np.random.default_rng(seed).standard_normal((words, words)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "token"], ["logits"], name="lookup")],
        "bigrams",
        [helper.make_tensor_value_info("token", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, words])],
        [numpy_helper.from_array(table, "table")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pairs_of(model: onnx.ModelProto) -> tuple[str, ...]:
    """What is fed back."""
    states = [port.name for port in model.graph.input][1:]
    return ("logits:token", *(f"{name}_out:{name}" for name in states))


def expected(
    model: onnx.ModelProto, program: Program, generate: Generate, inputs: dict, seed: int = 0
) -> dict[str, np.ndarray]:
    """What ONNX Runtime, step by step, and NumPy make of the inputs."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [port.name for port in session.get_outputs()]
    shapes = {port.name: port.shape for port in session.get_inputs()}

    def step(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        made = session.run(names, {n: v.reshape(shapes[n]) for n, v in feeds.items()})
        return {name: np.asarray(value) for name, value in zip(names, made, strict=True)}

    generator = Generator.of(program)
    assert generator is not None
    return generate_with(step, generate, generator, generator.complete(program, inputs, seed))
