"""Convolutions whose streamed weights are cut along k so that they fill the array, in panels that take turns."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import rnncc
from tests.support.oracles import assert_outputs, onnx_runtime

SMALL = """
name = "small"
title = "Small"
inherits = "tpu-v1-int8"
[matrix]
rows = 8
columns = 8
[memories.wmem]
size = 512
granule = 8
[sources]
"matrix.rows" = "made up"
"matrix.columns" = "made up"
"memories.wmem.size" = "made up"
"memories.wmem.granule" = "made up"
"""


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    rng = np.random.default_rng(4)
    first = rng.normal(size=(16, 12, 3, 3)).astype(np.float32)
    second = rng.normal(size=(9, 16, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="a", pads=[1] * 4, kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"], name="b"),
        helper.make_node("Conv", ["r", "v"], ["y"], name="c", kernel_shape=[1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [helper.make_tensor_value_info("x", 1, [4, 12, 5, 5])],
        [helper.make_tensor_value_info("y", 1, [4, 9, 5, 5])],
        [numpy_helper.from_array(first, "w"), numpy_helper.from_array(second, "v")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("panels", [2, 4])
def test_cut_weights_give_the_same_values(tmp_path, model, panels):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    back = (
        f"place-memory,tile-for-machine{{panels={panels} blocks=2}},lower-to-npu,schedule,allocate"
    )
    program = rnncc.compile(model, str(path), f"front,recurrence,{back}")
    x = np.random.default_rng(5).normal(size=(4, 12, 5, 5)).astype(np.float32)
    result = program.run({"x": x})
    assert_outputs("conv", result.outputs, onnx_runtime(model, {"x": x}))
    # More products than kernel rows: k is cut. Panels lie in as many places of the memory.
    loads = [i for i in program.instructions if i.op == "dma" and i.operands[0].memory == "wmem"]
    assert any(item.op == "mma" for item in program.instructions)
    assert len({item.operands[0].base for item in loads}) >= panels
    assert max(item.extents[1].value * item.extents[2].value for item in loads) <= 256
    assert result.report.simulation.timing.bounds.cycles <= result.cycles  # type: ignore[union-attr]


def test_panels_and_blocks_are_checked(tmp_path, model):
    for option, message in (("panels=1", "2 panels or more"), ("blocks=0", "a block or more")):
        with pytest.raises(rnncc.errors.PassError, match=message):
            rnncc.compile(
                model,
                "tpu-v1",
                f"front,recurrence,place-memory,tile-for-machine{{{option}}},lower-to-npu,schedule,allocate",
            )
