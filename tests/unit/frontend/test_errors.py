"""Bad input to the front end: every refusal names what is wrong, and the way out."""

from __future__ import annotations

import re
from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from models import F, constant, lstm, model, tensor
from onnx import helper

from rnncc.errors import InputError, ModelError, ShapeError, UnsupportedError
from rnncc.frontend import import_model, shapes_from_inputs


def relu(**more) -> onnx.ModelProto:
    node = helper.make_node("Relu", ["x"], ["y"], "act")
    return model([node], [tensor("x", [2, 3])], ["y"], **more)


def refuse(error: type[Exception], message: str, given, **options) -> None:
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        import_model(given, **options)


def test_files(tmp_path: Path):
    whole = lstm(hidden=32).SerializeToString()
    (tmp_path / "cut.onnx").write_bytes(whole[:-500])
    refuse(ModelError, r"cut\.onnx is truncated", tmp_path / "cut.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"")
    refuse(ModelError, r"empty\.onnx is empty", tmp_path / "empty.onnx")
    (tmp_path / "text.onnx").write_text("hello, I am a text file\n" * 9)
    refuse(ModelError, r"text\.onnx is not an ONNX model", tmp_path / "text.onnx")
    refuse(ModelError, "is a folder, not an ONNX model", tmp_path)
    refuse(ModelError, r"nothing\.onnx: no such file", tmp_path / "nothing.onnx")
    refuse(ModelError, "is not an ONNX model: it has no graph", b"\x08\x08")


@pytest.mark.parametrize("keep", [1, 7, 100, 5000, -1])
def test_truncated_anywhere(keep: int):
    whole = lstm(hidden=32).SerializeToString()
    refuse(ModelError, "truncated|not an ONNX model|not a valid|opset", whole[:keep])


def test_versions_domains_operators():
    refuse(UnsupportedError, "opset 6; opsets 7 to ", relu(opset=6))
    refuse(UnsupportedError, "opset 999; .*newer onnx", relu(opset=999))
    node = helper.make_node("Releu", ["x"], ["y"], "act")
    bad = model([node], [tensor("x", [2])], ["y"])
    refuse(UnsupportedError, r"node 'act' \(Releu\): unknown operator 'Releu'.*'Relu'", bad)
    node = helper.make_node("Fused", ["x"], ["y"], "f", domain="com.example")
    bad = model([node], [tensor("x", [2])], ["y"])
    refuse(UnsupportedError, r"node 'f' \(Fused\).*domain 'com.example'", bad)
    node = helper.make_node("Gelu", ["x"], ["y"], "g")
    bad = model([node], [tensor("x", [2])], ["y"], opset=17)
    refuse(UnsupportedError, "unknown operator 'Gelu' in opset 17.*too old", bad)


def test_graph_structure():
    a = helper.make_node("Add", ["x", "v"], ["u"], "a")
    b = helper.make_node("Relu", ["u"], ["v"], "b")
    refuse(
        ModelError,
        r"node 'a' .* uses 'v' of node 'b'.*cycle",
        model([a, b], [tensor("x", [2])], ["v"]),
    )
    twice = [helper.make_node("Relu", ["x"], ["y"], n) for n in "ab"]
    refuse(
        ModelError,
        r"node 'b' \(Relu\): the name 'y' is defined twice",
        model(twice, [tensor("x", [2])], ["y"]),
    )
    node = helper.make_node("Relu", ["z"], ["y"], "r")
    refuse(
        ModelError,
        r"node 'r' \(Relu\): its input 'z' is not defined",
        model([node], [tensor("x", [2])], ["y"]),
    )
    node = helper.make_node("Relu", ["x"], ["y"], "r", slope=1.0)
    refuse(ModelError, "not a valid model.*slope", model([node], [tensor("x", [2])], ["y"]))
    node = helper.make_node("Add", ["x", "z"], ["y"], "sum")
    bad = model([node], [tensor("x", [2, 3]), tensor("z", [4])], ["y"])
    refuse(ModelError, r"node 'sum' \(Add\): .*'x' \[2, 3\], 'z' \[4\]", bad)
    bad = model([node], [tensor("x", [2]), tensor("z", [2], onnx.TensorProto.DOUBLE)], ["y"])
    refuse(ModelError, r"node 'sum' \(Add\).*inconsistent type", bad)


def test_recursive_function():
    call = helper.make_node("Again", ["a"], ["b"], domain="own")
    body = helper.make_function("own", "Again", ["a"], ["b"], [call], [helper.make_opsetid("", 17)])
    node = helper.make_node("Again", ["x"], ["y"], domain="own")
    bad = model([node], [tensor("x", [2])], ["y"], functions=[body])
    bad.opset_import.append(helper.make_opsetid("own", 1))
    refuse(ModelError, "local function 'Again' calls itself", bad)


@pytest.mark.parametrize(
    ("element", "word"),
    [(onnx.TensorProto.STRING, "string"), (onnx.TensorProto.COMPLEX64, "complex64")],
)
def test_element_types(element: int, word: str):
    node = helper.make_node("Identity", ["x"], ["y"])
    bad = model([node], [tensor("x", [2], element)], [tensor("y", [2], element)])
    refuse(UnsupportedError, f"input 'x' has the element type {word}", bad)


def test_types_without_a_place():
    node = helper.make_node("Identity", ["x"], ["y"])
    bad = model([node], [tensor("x", [2], onnx.TensorProto.UINT32)], [tensor("y", [2], 12)])
    refuse(UnsupportedError, "'x' has the element type uint32", bad)
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(F, [2]))
    value = helper.make_value_info("x", kind)
    node = helper.make_node("SequenceLength", ["x"], ["y"])
    refuse(UnsupportedError, "input 'x' is sequence", model([node], [value], ["y"]))


def test_shapes():
    dynamic = lstm(batch="B")
    refuse(ShapeError, r"'x' has the unknown size T and B.*--shape x=T,B,3", dynamic)
    refuse(ShapeError, "no input 'z'; the inputs are x", dynamic, shapes={"z": (1,)})
    refuse(
        ShapeError, r"x=5,2: the input has 3 dimensions \(T,B,3\)", dynamic, shapes={"x": (5, 2)}
    )
    refuse(ShapeError, "x=5,2,4: the model fixes the shape", dynamic, shapes={"x": (5, 2, 4)})
    for wrong in (0, -1, 1 << 62):
        refuse(
            ShapeError, f"the size {wrong} is not possible", dynamic, shapes={"x": (wrong, 1, 3)}
        )
    node = helper.make_node("Add", ["a", "b"], ["c"])
    both = model([node], [tensor("a", ["N"]), tensor("b", ["N"])], ["c"])
    refuse(ShapeError, "dimension 'N' the sizes 2 and 3", both, shapes={"a": (2,), "b": (3,)})
    node = helper.make_node("Relu", ["x"], ["y"])
    unknown = model([node], [tensor("x", None)], ["y"])
    refuse(ShapeError, "input 'x' has no shape.*--shape x=", unknown)
    negative = model([node], [tensor("x", [-2, 3])], ["y"])
    refuse(ShapeError, "dimension 0 has size -2", negative)
    huge = model([node], [tensor("x", [1 << 20, 1 << 20, 1 << 20])], ["y"])
    refuse(ModelError, "more than 2\\^40", huge)


def test_data_dependent_shape():
    node = helper.make_node("NonZero", ["x"], ["y"], "nz")
    refuse(
        ShapeError,
        r"'y' of node 'nz' \(NonZero\) depends on data",
        model([node], [tensor("x", [3])], [tensor("y", [1, "n"], 7)]),
    )


def test_initializers():
    node = helper.make_node("Add", ["x", "w"], ["y"])
    bad = model([node], [tensor("x", [2])], ["y"], [constant("w", [1.0, 2.0])])
    bad.graph.initializer[0].dims[0] = 3
    refuse(ModelError, "initializer 'w'|not a valid", bad)
    bad = model([node], [tensor("x", [900])], ["y"], [constant("w", np.ones(900))])
    bad.graph.initializer[0].dims[0] = 901
    refuse(ModelError, r"initializer 'w' has 3600 bytes .* needs 3604", bad)
    bad.graph.initializer[0].dims[0] = -900
    refuse(ModelError, "initializer 'w' has a negative size", bad)
    bad.graph.initializer[0].dims[:] = [1 << 40, 1 << 40]
    refuse(ModelError, "initializer 'w' .* more than 2\\^40", bad)


def test_values():
    good = relu()
    refuse(InputError, "no input 'z' to fix", good, values={"z": np.ones(1)})
    refuse(
        InputError, "'x' is float, the value given is float64", good, values={"x": np.ones((2, 3))}
    )
    refuse(InputError, r"shape \[3\]", good, values={"x": np.ones(3, np.float32)})
    with pytest.raises(InputError, match=r"no input 'xx'(.|\n)*did you mean 'x'"):
        shapes_from_inputs(good, {"xx": np.ones((2, 3), np.float32)})
    with pytest.raises(InputError, match="float32, the array given is int64"):
        shapes_from_inputs(good, {"x": np.ones((2, 3), np.int64)})
    with pytest.raises(InputError, match=r"\[2, 3\], the array given \[3, 2\]"):
        shapes_from_inputs(good, {"x": np.ones((3, 2), np.float32)})
    assert models.names(import_model(good)) == ["Relu"]
