"""Models with one recurrent node: every attribute alone, and combinations drawn by hypothesis.

A case knows no compiler, so that any stage, the whole compiler and ONNX Runtime can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from tests.reference.rnn import DEFAULT_ACTIVATIONS, FUNCTIONS, GATES

OPS = ("LSTM", "GRU", "RNN")
OUTPUTS = ("Y", "Y_h", "Y_c")
DIRECTIONS = ("forward", "reverse", "bidirectional")
ACTIVATIONS = (
    "Relu",
    "Tanh",
    "Sigmoid",
    "Affine",
    "LeakyRelu",
    "ThresholdedRelu",
    "ScaledTanh",
    "HardSigmoid",
    "Elu",
    "Softsign",
    "Softplus",
)
CONSTANT = ("W", "R", "B", "P")


@dataclass(frozen=True)
class Case:
    """One model, the inputs to run it on, and the node that it is made of.

    Attributes:
        id: unique among the attribute cases, fit for pytest.
        model: the ONNX model.
        inputs: graph input name -> array.
        op_type: LSTM, GRU or RNN.
        attributes: the node's attributes, as given.
        arrays: all inputs of the node, constants too, None where missing.
        oracle: whether ONNX Runtime takes the model and follows the specification on it.
        options: ``outputs``: names of the graph's outputs; ``shapes``: maxima of the input shapes
            when the time is the run-time length T.
    """

    id: str
    model: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    op_type: str
    attributes: dict[str, Any]
    arrays: list[np.ndarray | None]
    oracle: bool = True
    options: dict[str, Any] = field(default_factory=dict)


def make(
    name: str,
    op_type: str,
    attributes: dict[str, Any] | None = None,
    *,
    steps: int = 5,
    batch: int = 3,
    features: int = 4,
    hidden: int = 5,
    bias: bool = True,
    initial: bool = True,
    peephole: bool = False,
    lens: list[int] | None = None,
    constant: tuple[str, ...] = CONSTANT,
    outputs: tuple[str, ...] | None = None,
    dtype: Any = np.float32,
    dynamic: int = 0,
    opset: int = 14,
    oracle: bool = True,
    scale: float = 0.4,
    seed: int = 0,
) -> Case:
    """A case from what is not at its default.

    Args:
        lens: sequence_lens, an input of the graph unless named in ``constant``.
        constant: node inputs that are initializers.
        outputs: node outputs that are graph outputs; all by default.
        dynamic: maximum of the time dimension, which is then the symbol T; 0: it is static.
        oracle: see Case.
        scale: of weights; small where unbounded activations would overflow.
    """
    attributes = {"hidden_size": hidden, **(attributes or {})}
    rng = np.random.default_rng(seed)
    count = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[op_type] * hidden

    def array(*shape: int, spread: float = 1.0) -> np.ndarray:
        return (rng.normal(size=shape) * spread).astype(dtype)

    arrays: dict[str, np.ndarray | None] = {
        "X": array(steps, batch, features),
        "W": array(count, rows, features, spread=scale),
        "R": array(count, rows, hidden, spread=scale),
        "B": array(count, 2 * rows, spread=scale) if bias else None,
        "sequence_lens": None if lens is None else np.array(lens, np.int32),
        "initial_h": array(count, batch, hidden) if initial else None,
    }
    if op_type == "LSTM":
        arrays["initial_c"] = array(count, batch, hidden) if initial else None
        arrays["P"] = array(count, 3 * hidden, spread=scale) if peephole else None
    layout = attributes.get("layout", 0)
    for key in ("X", "initial_h", "initial_c") if layout else ():
        if (value := arrays.get(key)) is not None:
            arrays[key] = np.ascontiguousarray(np.swapaxes(value, 0, 1))
    possible = OUTPUTS[: 3 if op_type == "LSTM" else 2]
    wanted = outputs or possible
    names = [key if value is not None else "" for key, value in arrays.items()]
    results = [key if key in wanted else "" for key in possible]
    while not names[-1]:
        names.pop()
    while not results[-1]:
        results.pop()
    node = helper.make_node(op_type, names, results, name="cell", **attributes)
    given = {k: v for k, v in arrays.items() if v is not None and k not in constant}
    options: dict[str, Any] = {"outputs": wanted}
    if dynamic:
        largest = list(given["X"].shape)
        largest[layout] = dynamic
        options["shapes"] = {"X": tuple(largest)}
    return Case(
        f"{op_type.lower()}-{name}",
        _model(node, arrays, given, wanted, layout if dynamic else None, opset),
        given,
        op_type,
        attributes,
        list(arrays.values()),
        oracle,
        options,
    )


def _model(
    node: onnx.NodeProto,
    arrays: dict[str, np.ndarray | None],
    given: dict[str, np.ndarray],
    outputs: tuple[str, ...],
    time_axis: int | None,
    opset: int,
) -> onnx.ModelProto:
    inputs = []
    for name, value in given.items():
        shape: list[int | str] = list(value.shape)
        if name == "X" and time_axis is not None:
            shape[time_axis] = "T"
        element = helper.np_dtype_to_tensor_dtype(value.dtype)
        inputs.append(helper.make_tensor_value_info(name, element, shape))
    rest = {k: v for k, v in arrays.items() if v is not None and k not in given}
    kind = inputs[0].type.tensor_type.elem_type
    graph = helper.make_graph(
        [node],
        "case",
        inputs,
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in rest.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def attribute_cases() -> Iterator[Case]:
    """Every attribute and optional input alone, on each operator that has it."""
    for op in OPS:
        yield from _direction_cases(op)
        yield from _optional_cases(op)
        yield from _activation_cases(op)
    yield from _own_cases()


def _direction_cases(op: str) -> Iterator[Case]:
    for direction in DIRECTIONS:
        base = {"direction": direction}
        yield make(direction, op, base)
        for name, lens in {
            "full": [5, 5, 5],
            "ragged": [2, 5, 1],
            "short": [2, 3, 1],
            "zero": [0, 5, 3],
        }.items():
            yield make(f"{direction}-lens-{name}", op, base, lens=lens)
        yield make(f"{direction}-lens-zero-no-init", op, base, lens=[0, 2, 0], initial=False)
        known = (*CONSTANT, "sequence_lens")
        yield make(f"{direction}-lens-constant", op, base, lens=[2, 5, 1], constant=known)
        yield make(f"{direction}-layout", op, {**base, "layout": 1}, oracle=False)
        yield make(f"{direction}-run-time-weights", op, base, constant=())
        yield make(f"{direction}-dynamic", op, base, dynamic=7)
        yield make(f"{direction}-dynamic-lens", op, base, dynamic=7, lens=[2, 5, 1])
    both = {"layout": 1, "direction": "bidirectional"}
    yield make("layout-lens", op, both, lens=[2, 5, 1], oracle=False)
    yield make("lens-constant-full", op, lens=[5, 5, 5], constant=("W", "R", "sequence_lens"))


def _optional_cases(op: str) -> Iterator[Case]:
    yield make("no-bias", op, bias=False)
    yield make("no-bias-no-init", op, bias=False, initial=False)
    yield make("no-init", op, initial=False)
    for name in OUTPUTS[: 3 if op == "LSTM" else 2]:
        yield make(f"only-{name}", op, outputs=(name,))
    yield make("clip", op, {"clip": 0.4})
    clipped = {"clip": 0.4, "direction": "bidirectional"}
    yield make("clip-bidirectional-lens", op, clipped, lens=[2, 5, 1])
    yield make("double", op, dtype=np.float64, oracle=False)
    yield make("half", op, dtype=np.float16, oracle=False)
    yield make("one-step-one-row", op, steps=1, batch=1)
    yield make("odd-sizes", op, steps=3, batch=1, features=1, hidden=1)
    yield make("opset-7", op, opset=7)
    yield make("opset-22", op, opset=22)


def _activation_cases(op: str) -> Iterator[Case]:
    default = DEFAULT_ACTIVATIONS[op]
    count = len(default)
    for kind in ACTIVATIONS:
        given: dict[str, Any] = {"activations": [kind] * count}
        parameters = {
            name: values[:count]
            for name, values, taken in zip(
                ("activation_alpha", "activation_beta"),
                ([0.3, 0.4, 0.5], [0.6, 0.7, 0.8]),
                FUNCTIONS[kind.lower()][1:],
                strict=True,
            )
            if taken is not None
        }
        if kind != "ScaledTanh":
            # ONNX Runtime takes 0 where ONNX's Affine and ThresholdedRelu have other defaults.
            known = kind not in ("Affine", "ThresholdedRelu")
            yield make(kind, op, given, oracle=known, steps=3, scale=0.1)
        if parameters:
            yield make(f"{kind}-parameters", op, {**given, **parameters}, steps=3, scale=0.1)
        yield make(f"{kind}-clip", op, {**given, **parameters, "clip": 0.5}, steps=3)
    lower = [name.lower() for name in default]
    yield make("lower-case", op, {"activations": lower}, oracle=op != "RNN")
    mixed = {
        "direction": "bidirectional",
        "activations": [ACTIVATIONS[(3 * k + 3) % 11] for k in range(2 * count)],
        "activation_alpha": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
        "activation_beta": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    }
    yield make("per-direction-activations", op, mixed)


def _own_cases() -> Iterator[Case]:
    yield make("peephole", "LSTM", peephole=True)
    yield make("peephole-clip", "LSTM", {"clip": 0.4}, peephole=True)
    yield make("peephole-run-time", "LSTM", peephole=True, constant=())
    yield make("peephole-bidirectional", "LSTM", {"direction": "bidirectional"}, peephole=True)
    yield make("input-forget", "LSTM", {"input_forget": 1})
    yield make("input-forget-clip", "LSTM", {"input_forget": 1, "clip": 0.4})
    yield make("input-forget-peephole", "LSTM", {"input_forget": 1}, peephole=True)
    mixed = {
        "activations": ["HardSigmoid", "Softsign", "Elu"],
        "activation_alpha": [0.3, 0.5],
        "activation_beta": [0.6],
    }
    yield make("mixed-activations", "LSTM", mixed)
    yield make("equal-activations", "LSTM", {"activations": ["Tanh", "Tanh", "Sigmoid"]})
    for direction in DIRECTIONS:
        base = {"direction": direction, "linear_before_reset": 1}
        yield make(f"{direction}-linear-before-reset", "GRU", base)
        yield make(f"{direction}-linear-before-reset-lens", "GRU", base, lens=[2, 5, 1])
    linear = {"linear_before_reset": 1}
    yield make("linear-before-reset-no-bias", "GRU", linear, bias=False)
    yield make("linear-before-reset-run-time", "GRU", linear, constant=())
    yield make("linear-before-reset-clip", "GRU", {**linear, "clip": 0.4})


@st.composite
def drawn_cases(draw: st.DrawFn) -> Case:
    """Any combination of attributes, optional inputs, outputs, sizes and element types."""
    op = draw(st.sampled_from(OPS))
    direction = draw(st.sampled_from(DIRECTIONS))
    attributes: dict[str, Any] = {"direction": direction}
    steps, batch = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    if draw(st.booleans()):
        attributes["clip"] = draw(st.sampled_from([0.25, 0.5, 2.0]))
    if draw(st.booleans()):
        attributes["layout"] = draw(st.sampled_from([0, 1]))
    if op == "LSTM" and draw(st.booleans()):
        attributes["input_forget"] = 1
    if op == "GRU" and draw(st.booleans()):
        attributes["linear_before_reset"] = 1
    if draw(st.booleans()):
        count = len(DEFAULT_ACTIVATIONS[op]) * (2 if direction == "bidirectional" else 1)
        kinds = [draw(st.sampled_from(ACTIVATIONS)) for _ in range(count)]
        attributes["activations"] = kinds
        for name, place in (("activation_alpha", 1), ("activation_beta", 2)):
            taking = sum(FUNCTIONS[k.lower()][place] is not None for k in kinds)
            if taking:
                attributes[name] = [draw(st.sampled_from([0.25, 0.5, 0.75])) for _ in range(taking)]
    names = st.sampled_from(OUTPUTS[: 3 if op == "LSTM" else 2])
    dtype = draw(st.sampled_from([np.float32, np.float32, np.float64]))
    lens = None
    if draw(st.booleans()):
        lens = draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    return make(
        "drawn",
        op,
        attributes,
        steps=steps,
        batch=batch,
        features=draw(st.integers(1, 3)),
        hidden=draw(st.integers(1, 4)),
        bias=draw(st.booleans()),
        initial=draw(st.booleans()),
        peephole=draw(st.booleans()),
        lens=lens,
        constant=draw(st.sampled_from([CONSTANT, (), (*CONSTANT, "sequence_lens")])),
        outputs=tuple(sorted(draw(st.lists(names, min_size=1, unique=True)))),
        dtype=dtype,
        dynamic=draw(st.sampled_from([0, 0, steps, steps + 2])),
        oracle=dtype == np.float32 and not attributes.get("layout"),
        scale=0.1 if "activations" in attributes else 0.5,
        seed=draw(st.integers(0, 100)),
    )
