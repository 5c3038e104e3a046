"""The official single-node tests, converted to nn and interpreted, against their stored outputs.

Inputs that only say a shape (Reshape's shape, Slice's bounds, ...) are made constants first: rnncc
compiles for shapes that are known.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx.backend.test.loader import load_model_tests
from xdsl.context import Context

from rnncc.errors import UnsupportedError
from rnncc.interpreter import run
from rnncc.passes.convert_onnx_to_nn import CONVERTERS, ConvertOnnxToNnPass

from . import onnx_modules as modules

# First input position that must be known at compile time.
KNOWN_FROM = {
    "ConstantOfShape": 0,
    "Range": 0,
    **dict.fromkeys(("CumSum", "Dropout", "Expand", "OneHot", "Pad", "Reshape", "Slice"), 1),
    **dict.fromkeys(("Split", "Squeeze", "Tile", "Trilu", "Unsqueeze"), 1),
}
#: The number of node tests that pass here with onnx 1.23; it may only grow.
EXPECTED_PASSES = 645


def _array(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        if value.data_type == onnx.TensorProto.BFLOAT16:
            return onnx.numpy_helper.to_array(value).view(ml_dtypes.bfloat16)
        return onnx.numpy_helper.to_array(value)
    return value


def _check(case: Any, node: onnx.NodeProto, opset: int) -> None:
    graph = case.model.graph
    known_from = 1 if node.op_type.startswith("Reduce") else KNOWN_FROM.get(node.op_type, 99)
    known = set(node.input[known_from:])
    for inputs, outputs in case.data_sets:
        given = {v.name: _array(a) for v, a in zip(graph.input, inputs, strict=True)}
        wanted = {v.name: _array(a) for v, a in zip(graph.output, outputs, strict=True)}
        free = {name: a for name, a in given.items() if name not in known}
        module, block, values = modules.function({n: modules.static(a) for n, a in free.items()})
        values |= {n: modules.constant(block, given[n]) for n in known if n}
        op = modules.node(
            node.op_type,
            [values[n] if n else None for n in node.input],
            [modules.static(wanted[n]) if n else None for n in node.output],
            opset,
            **{a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        )
        block.add_op(op)
        results = getattr(op, "outputs_by_position")()  # noqa: B009
        modules.finish(block, {n: r for n, r in zip(node.output, results, strict=False) if n})
        ConvertOnnxToNnPass().apply(Context(), module)
        module.verify()
        got = run(module, free)
        for name, want in wanted.items():
            assert (got[name].dtype, got[name].shape) == (want.dtype, want.shape)
            if want.dtype.kind in "iub":
                np.testing.assert_array_equal(got[name], want)
            else:
                wide = want.astype(np.float64)
                np.testing.assert_allclose(got[name].astype(np.float64), wide, case.rtol, 1e-6)


@pytest.mark.onnx_suite
def test_every_supported_node_test_passes():
    outcome: Counter[str] = Counter()
    wrong = {}
    for case in load_model_tests(kind="node"):
        assert case.model is not None
        nodes = case.model.graph.node
        opsets = {o.domain: o.version for o in case.model.opset_import}
        if len(nodes) != 1 or nodes[0].domain or nodes[0].op_type not in CONVERTERS:
            continue
        try:
            _check(case, nodes[0], opsets[""])
            outcome["pass"] += 1
        except UnsupportedError:
            outcome["refused"] += 1
        except Exception as error:
            wrong[case.name] = f"{type(error).__name__}: {error}"[:300]
    assert not wrong
    assert outcome["pass"] >= EXPECTED_PASSES, outcome
