"""Conversion of single ONNX operators against ONNX Runtime, and what must be refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context

from rnncc.errors import UnsupportedError
from rnncc.interpreter import run
from rnncc.passes.convert_onnx_to_nn import ConvertOnnxToNnPass

from . import onnx_modules as modules

RANDOM = np.random.default_rng(7)
onnxruntime.set_default_logger_severity(4)


def floats(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(dtype)


def runtime(op_type: str, inputs: list, known: list, opset: int, **attributes: Any) -> list:
    """What ONNX Runtime computes for one node; `known` inputs are initializers."""
    names = [f"i{i}" if a is not None else "" for i, a in enumerate([*inputs, *known])]
    node = onnx.helper.make_node(op_type, names, ["o0"], **attributes)

    def info(name, array):
        kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        return onnx.helper.make_tensor_value_info(name, kind, array.shape)

    fixed = names[len(inputs) :]
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [info(n, a) for n, a in zip(names, inputs, strict=False) if n],
        [onnx.helper.make_empty_tensor_value_info("o0")],
        [onnx.numpy_helper.from_array(a, n) for n, a in zip(fixed, known, strict=True) if n],
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return list(session.run(None, {n: a for n, a in zip(names, inputs, strict=False) if n}))


def converted(op_type: str, inputs: list, known: list, want: Any, opset: int, **attributes: Any):
    """The module with one node converted; `want` gives the result's type."""
    given = {f"i{i}": a for i, a in enumerate(inputs) if a is not None}
    module, block, values = modules.function({n: modules.static(a) for n, a in given.items()})
    operands = [values.get(f"i{i}") for i in range(len(inputs))]
    operands += [modules.constant(block, a) if a is not None else None for a in known]
    op = modules.node(op_type, operands, [modules.static(want)], opset, **attributes)
    block.add_op(op)
    modules.finish(block, {"o0": op.results[0]})
    ConvertOnnxToNnPass().apply(Context(), module)
    module.verify()
    return module, given


def agree(op_type: str, inputs: list, *known: Any, opset: int = 20, **attributes: Any) -> None:
    (want,) = runtime(op_type, inputs, list(known), opset, **attributes)
    module, given = converted(op_type, inputs, list(known), want, opset, **attributes)
    got = run(module, given)["o0"]
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    tolerance = {"f": {2: 2e-3, 4: 2e-6, 8: 1e-12}}.get(want.dtype.kind, {}).get(want.itemsize, 0)
    np.testing.assert_allclose(got, want, tolerance, tolerance)


I64 = np.int64
CASES: list[tuple[str, list, list, dict]] = [
    ("MatMul", [floats(3, 4), floats(4, 5)], [], {}),
    ("MatMul", [floats(4), floats(2, 4, 5)], [], {}),
    ("MatMul", [floats(2, 3, 4), floats(4)], [], {}),
    ("MatMul", [floats(4), floats(4)], [], {}),
    ("MatMul", [floats(2, 1, 3, 4), floats(5, 4, 2)], [], {}),
    ("Gemm", [floats(4, 3), floats(5, 4), floats(5)], [], dict(alpha=0.5, beta=2.0, transA=1, transB=1)),
    ("Gemm", [floats(3, 4), floats(4, 5)], [], {}),
    ("Div", [np.array([7, -7, 8, -1], I64), np.array([2, 2, -3, 5], I64)], [], {}),
    ("Mod", [np.array([7, -7, 8], np.int32), np.array([3, 3, -3], np.int32)], [], dict(fmod=0)),
    ("Mod", [floats(5), floats(5)], [], dict(fmod=1)),
    ("Pow", [np.abs(floats(3)), np.array([2, 3, 0], np.int32)], [], {}),
    ("Pow", [floats(3, 2)], [np.array(2, np.float32)], {}),
    ("Mean", [floats(3, 1), floats(2), floats(1)], [], {}),
    ("Max", [floats(3, 1), floats(2), floats(1)], [], {}),
    ("Clip", [floats(9), None, np.array(0.25, np.float32)], [], {}),
    ("Clip", [floats(9)], [], dict(opset=10, min=-0.5, max=0.5)),
    ("Clip", [floats(9)], [], dict(opset=10)),
    ("LeakyRelu", [floats(9)], [], dict(alpha=0.3)),
    ("ThresholdedRelu", [floats(9)], [], dict(alpha=0.3)),
    ("HardSigmoid", [floats(9)], [], dict(alpha=0.3, beta=0.1)),
    ("Elu", [floats(9)], [], dict(alpha=0.3)),
    ("Selu", [floats(9)], [], {}),
    ("Celu", [floats(9)], [], dict(alpha=0.7)),
    ("PRelu", [floats(2, 3), floats(3)], [], {}),
    ("HardSwish", [floats(9)], [], {}),
    ("Gelu", [floats(9)], [], dict(approximate="none")),
    ("Gelu", [floats(9)], [], dict(approximate="tanh")),
    ("Softmax", [floats(2, 3, 4)], [], dict(opset=12)),
    ("Softmax", [floats(2, 3, 4)], [], dict(opset=12, axis=0)),
    ("LogSoftmax", [floats(2, 3, 4)], [], dict(axis=1)),
    ("Gather", [floats(5, 3), np.array([[0, -1], [-5, 4]], I64)], [], {}),
    ("Gather", [floats(5, 3)], [np.array(-2, I64)], dict(axis=1)),
    ("Gather", [floats(5, 3)], [np.array([-2], np.int32)], dict(axis=0)),
    ("Gather", [floats(5, 3)], [np.array([3, -4, 3], I64)], {}),
    ("ArgMax", [floats(3, 4)], [], dict(axis=-1, keepdims=0)),
    ("ArgMin", [np.array([[2, 1, 1]], np.int32)], [], dict(axis=1, select_last_index=1)),
    ("Reshape", [floats(2, 3, 4)], [np.array([0, -1], I64)], {}),
    ("Reshape", [floats(0, 3)], [np.array([3, 0], I64)], dict(allowzero=1)),
    ("Flatten", [floats(2, 3, 4)], [], dict(axis=-1)),
    ("Squeeze", [floats(1, 3, 1)], [], {}),
    ("Squeeze", [floats(1, 3, 1)], [np.array([-1], I64)], {}),
    ("Unsqueeze", [floats(3)], [np.array([0, -1], I64)], {}),
    ("Slice", [floats(6, 5)], [np.array([-1, 4], I64), np.array([-99, 1], I64), np.array([0, 1], I64),
                               np.array([-2, -1], I64)], {}),
    ("Slice", [floats(6, 5)], [np.array([2], I64), np.array([2], I64)], {}),
    ("Split", [floats(6, 5)], [np.array([6], I64)], dict(axis=0)),
    ("Cast", [np.array([-1.9, 1.9, 0.0], np.float32)], [], dict(to=onnx.TensorProto.INT64)),
    ("Cast", [np.array([-1.9, 0.0], np.float32)], [], dict(to=onnx.TensorProto.BOOL)),
    ("Expand", [floats(3, 1)], [np.array([2, 1, 4], I64)], {}),
    ("Tile", [floats(2, 3)], [np.array([2, 1], I64)], {}),
    ("Pad", [floats(3, 4)], [np.array([1, -1, 0, 2], I64), np.array(2.5, np.float32)], {}),
    ("Pad", [floats(3, 4)], [np.array([1, 1, 2, 0], I64)], dict(mode="reflect")),
    ("Pad", [floats(3, 4)], [np.array([1, 1, 2, 0], I64)], dict(mode="edge")),
    ("ConstantOfShape", [], [np.array([2, 3], I64)], {}),
    ("Range", [], [np.array(9, I64), np.array(-2, I64), np.array(-3, I64)], {}),
    ("ReduceSum", [floats(2, 3, 4)], [np.array([-1, 0], I64)], dict(keepdims=0)),
    ("ReduceSum", [floats(2, 3)], [], dict(noop_with_empty_axes=1)),
    ("ReduceMean", [np.array([[-3, 4], [-2, 5]], np.int32)], [], {}),
    ("ReduceMax", [floats(2, 3)], [], dict(opset=13, axes=[1])),
    ("ReduceL1", [floats(2, 3)], [np.array([1], I64)], {}),
    ("ReduceL2", [floats(2, 3)], [np.array([1], I64)], {}),
    ("ReduceLogSum", [np.abs(floats(2, 3))], [np.array([1], I64)], {}),
    ("ReduceLogSumExp", [100 * floats(2, 3)], [np.array([1], I64)], dict(keepdims=0)),
    ("ReduceSumSquare", [floats(2, 3)], [], {}),
    ("CumSum", [floats(2, 7)], [np.array(1, I64)], dict(exclusive=1, reverse=1)),
    ("CumSum", [np.arange(5, dtype=np.int32)], [np.array(0, I64)], {}),
    ("ReverseSequence", [floats(4, 3, 2), np.array([1, 4, 2], I64)], [], dict(batch_axis=1, time_axis=0)),
    ("ReverseSequence", [floats(3, 4, 2), np.array([1, 4, 2], I64)], [], dict(batch_axis=0, time_axis=1)),
    ("Trilu", [floats(3, 4)], [np.array(1, I64)], dict(upper=0)),
    ("OneHot", [np.array([[1, -1], [5, 0]], I64)], [np.array(4, I64), np.array([2.0, 3.0], np.float32)], dict(axis=1)),
    ("LayerNormalization", [floats(2, 3, 4), floats(4), floats(4)], [], {}),
    ("BatchNormalization", [floats(2, 3, 4), floats(3), floats(3), floats(3), np.abs(floats(3))], [], {}),
    ("InstanceNormalization", [floats(2, 3, 4), floats(3), floats(3)], [], {}),
    ("Einsum", [floats(2, 3, 4), floats(2, 5, 4)], [], dict(equation="bid,bjd->bij")),
    ("Einsum", [floats(3, 4), floats(4, 5, 2)], [], dict(equation="ik,kjl->lij")),
    ("Einsum", [floats(3, 4), floats(3, 4)], [], dict(equation="ij,ij")),
    ("Einsum", [floats(3, 4)], [], dict(equation="ij->ji")),
    ("Where", [floats(2, 1) > 0, floats(3), floats(1)], [], {}),
    ("Xor", [floats(3) > 0, floats(2, 3) > 0], [], {}),
    ("IsInf", [np.array([np.inf, -np.inf, np.nan, 1], np.float32)], [], dict(detect_negative=0)),
    ("Sign", [np.array([-2, 0, 3], np.int32)], [], {}),
    ("Erf", [floats(9)], [], {}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0])
def test_agrees_with_runtime(case):
    op_type, inputs, known, attributes = case
    agree(op_type, inputs, *known, **attributes)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_slices(data):
    shape = [data.draw(st.integers(1, 4)) for _ in range(data.draw(st.integers(1, 3)))]
    count = data.draw(st.integers(1, len(shape)))
    axes = data.draw(st.permutations(range(len(shape))))[:count]
    # Not 2**63 - 1: as an end with a negative step ONNX Runtime reads it as "to the front", which
    # the specification (and NumPy) does not.
    bounds = st.sampled_from([-(2**63), -5, -2, -1, 0, 1, 2, 3, 6, 2**62])
    starts, ends = ([data.draw(bounds) for _ in axes] for _ in range(2))
    steps = [data.draw(st.sampled_from([-3, -1, 1, 2])) for _ in axes]
    known = [np.array(v, I64) for v in (starts, ends, axes, steps)]
    agree("Slice", [floats(*shape)], *known)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_broadcasting(data):
    full = [data.draw(st.integers(1, 3)) for _ in range(3)]

    def some():
        tail = full[data.draw(st.integers(0, 3)) :]
        return floats(*(n if data.draw(st.booleans()) else 1 for n in tail))

    agree(data.draw(st.sampled_from(["Add", "Sub", "Mul", "Div", "Greater"])), [some(), some()])


REFUSED: list[tuple[str, list, list, Any, dict, str]] = [
    ("LpPool", [floats(1, 1, 4)], [], floats(1, 1, 3), dict(kernel_shape=[2]), "LpPool 'the_node'"),
    ("Slice", [floats(4), np.array([1]), np.array([2])], [], floats(1), {}, "may be negative|not constant"),
    ("Tile", [floats(4), np.array([2])], [], floats(8), {}, "must be known at compile time"),
    ("Gather", [floats(4)], [np.array(4)], floats(), {}, "outside -4..3"),
    ("Einsum", [floats(3, 3)], [], floats(3), dict(equation="ii->i"), "'ii->i' is not supported"),
    ("Gemm", [np.ones((2, 2), np.int32)] * 2, [], np.ones((2, 2), np.int32), dict(alpha=0.5), "alpha"),
    ("MatMul", [floats(2, 3), floats(2, 3)], [], floats(2, 3), {}, "MatMul 'the_node'"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c[0])
def test_refusals_name_the_node(case):
    op_type, inputs, known, want, attributes, message = case
    with pytest.raises(Exception, match=message) as caught:
        converted(op_type, inputs, known, want, 20, **attributes)
    assert "'the_node'" in str(caught.value)


def test_training_dropout_is_refused():
    with pytest.raises(UnsupportedError, match="random"):
        converted(
            "Dropout",
            [floats(4)],
            [np.array(0.5, np.float32), np.array(True)],
            floats(4),
            13,
        )
