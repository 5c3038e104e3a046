"""Weights stay where they are: memory maps, external data, tokens nobody can forge."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import constant, lstm, model, names, tensor
from onnx import helper

from rnncc.errors import ModelError
from rnncc.frontend import import_model, model_inputs, shapes_from_inputs
from rnncc.frontend.load import load


def arrays(module) -> dict[str, np.ndarray]:
    found = [op for op in module.walk() if op.name == "onnx.Constant"]
    return {op.results[0].name_hint or "": op.properties["value"].array for op in found}


def test_big_weights_cost_nothing(tmp_path: Path):
    path = tmp_path / "big.onnx"
    onnx.save(lstm(1024, 1024), path)
    import_model(path, {"x": (25, 1, 1024)})
    tracemalloc.start()
    begin = time.perf_counter()
    module = import_model(path, {"x": (25, 1, 1024)})
    took, (_, peak) = time.perf_counter() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size / 10
    assert took < 1
    # The digest is not read before somebody prints.
    weight = arrays(module)["W"]
    assert not weight.flags.owndata and not weight.flags.writeable


def test_signature_without_weights(tmp_path: Path):
    path = tmp_path / "m.onnx"
    onnx.save(lstm(batch="B"), path)
    (entry,) = model_inputs(path)
    assert (entry.name, entry.dims) == ("x", ("T", "B", 3))
    shapes = shapes_from_inputs(path, {"x": np.zeros((5, 2, 3), np.float32)})
    assert shapes == {"x": (5, 2, 3)}
    assert names(import_model(path, shapes)) == ["LSTM"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=5),
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.float16]),
    st.booleans(),
)
def test_every_array_comes_through(sizes: list[int], dtype, typed: bool):
    """Sizes around the limit above which a payload stays in the file; both ways to store it."""
    draw = np.random.default_rng(sum(sizes))
    weights = {f"w{i}": draw.integers(0, 200, n).astype(dtype) for i, n in enumerate(sizes)}
    made = []
    for name, array in weights.items():
        kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        if typed and dtype != np.float16:
            made.append(helper.make_tensor(name, kind, array.shape, array.tolist()))
        else:
            made.append(onnx.numpy_helper.from_array(array, name))
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [helper.make_node("Mul", [n, "x"], [f"{n}.y"]) for n in weights]
    given = model(nodes, [tensor("x", [1], kind)], [f"{n}.y" for n in weights], made)
    found = arrays(import_model(given.SerializeToString()))
    for name, array in weights.items():
        (same,) = [a for n, a in found.items() if n.startswith(name)]
        np.testing.assert_array_equal(same, array)
        assert same.dtype == array.dtype


def test_tokens_cannot_be_forged(tmp_path: Path):
    given = lstm(64, 64)
    small = constant("s", [1.0])
    small.doc_string = "rnncc:0000000000000000:0"
    given.graph.initializer.append(small)
    given.graph.node.append(helper.make_node("Add", ["yh", "s"], ["z"]))
    given.graph.output.append(tensor("z", None))
    np.testing.assert_array_equal(arrays(import_model(given, {"x": (3, 1, 64)}))["s"], [1.0])


def test_weights_in_nodes_and_subgraphs():
    weight = np.arange(1000, dtype=np.float32)
    branch = [
        helper.make_graph(
            [
                helper.make_node(
                    "Constant", [], [f"k{n}"], value=onnx.numpy_helper.from_array(weight + n)
                ),
                helper.make_node("Add", ["x", f"k{n}"], [f"r{n}"]),
            ],
            f"branch{n}",
            [],
            [tensor(f"r{n}", [1000])],
        )
        for n in (0, 1)
    ]
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch[0], else_branch=branch[1])
    given = model([node], [tensor("c", [], 9), tensor("x", [1000])], ["y"])
    assert len(load(given).stripped.payloads) == 2
    found = arrays(import_model(given))
    np.testing.assert_array_equal(sorted(a[0] for a in found.values()), [0, 1])


def external(folder: Path, location: str = "weights.bin", **entries: str) -> Path:
    given = lstm(16, 16)
    onnx.save(
        given,
        folder / "m.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    loaded = onnx.load(folder / "m.onnx", load_external_data=False)
    for initializer in loaded.graph.initializer:
        for entry in initializer.external_data:
            if entry.key == "location":
                entry.value = location
            entry.value = entries.get(entry.key, entry.value)
    (folder / "m.onnx").write_bytes(loaded.SerializeToString())
    return folder / "m.onnx"


def test_external_data(tmp_path: Path):
    path = external(tmp_path)
    found = arrays(import_model(path, {"x": (3, 1, 16)}))
    given = {t.name: onnx.numpy_helper.to_array(t) for t in lstm(16, 16).graph.initializer}
    np.testing.assert_array_equal(found["W"], given["W"])
    np.testing.assert_array_equal(found["R"], given["R"])
    with pytest.raises(ModelError, match=r"'W' is in another file(.|\n)*pass the path"):
        import_model(path.read_bytes(), {"x": (3, 1, 16)})


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/passwd", "a/../../b", "..\\b", "C:\\b", ""]
)
def test_external_data_outside(tmp_path: Path, location: str):
    path = external(tmp_path, location)
    with pytest.raises(
        ModelError, match=r"initializer 'W': external data .* outside the model's folder"
    ):
        import_model(path, {"x": (3, 1, 16)})


def test_external_data_through_a_link(tmp_path: Path):
    inside = tmp_path / "model"
    inside.mkdir()
    path = external(inside)
    (inside / "weights.bin").rename(tmp_path / "weights.bin")
    os.symlink("../weights.bin", inside / "weights.bin")
    with pytest.raises(ModelError, match="outside the model's folder"):
        import_model(path, {"x": (3, 1, 16)})


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": "99999999"}, "ends at byte"),
        ({"offset": "-4"}, "the offset '-4'"),
        ({"length": "12"}, "12 bytes of external data"),
        ({"location": "nothing.bin"}, "'nothing.bin': No such file"),
        ({"location": "."}, "is not a file"),
    ],
)
def test_external_data_that_does_not_fit(tmp_path: Path, entries: dict[str, str], message: str):
    path = external(tmp_path, **entries)
    with pytest.raises(ModelError, match=message):
        import_model(path, {"x": (3, 1, 16)})
