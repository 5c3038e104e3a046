"""rnncc.onnx_backend as ONNX's own test runner and other callers use it."""

import io
import unittest
import warnings

import numpy as np
import onnx
import onnx.backend.test
import pytest
from onnx import TensorProto, helper

import rnncc.onnx_backend as backend
from rnncc.errors import UnsupportedError
from tests.conformance.rnn_cases import make
from tests.support.oracles import assert_outputs, onnx_runtime


@pytest.mark.onnx_suite
def test_onnx_own_runner():
    """As its documentation says; made in the test, because naming all of ONNX's tests takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = onnx.backend.test.BackendTest(backend.RnnccBackend, __name__)
        runner.include(r"^test_(lstm|gru|simple_rnn|scan9)_.*_cpu$")
        # What is not included is skipped.
        result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(runner.test_suite)
    assert result.testsRun - len(result.skipped) >= 18
    problems = [*result.failures, *result.errors]
    assert not problems, "\n".join(text for _, text in problems)


def unary(op: str, inputs: str = "x") -> onnx.ModelProto:
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in (inputs, "y")]
    graph = helper.make_graph([helper.make_node(op, [inputs], ["y"])], "g", ports[:1], ports[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_run_node_takes_one_operator():
    x = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)
    (y,) = backend.run_node(helper.make_node("Tanh", ["x"], ["y"]), [x])
    np.testing.assert_allclose(y, np.tanh(x), rtol=1e-6)


def test_run_node_with_missing_optional_inputs_and_an_older_opset():
    case = make("node", "GRU", bias=False)
    arrays = [array for array in case.arrays if array is not None]
    names = ["X", "W", "R", "", "", "initial_h"]
    node = helper.make_node("GRU", names, ["Y", "Y_h"], hidden_size=5)
    got = backend.run_node(node, arrays, opset_version=14)
    want = onnx_runtime(case.model, case.inputs)
    assert_outputs("ONNX Runtime", dict(zip(("Y", "Y_h"), got, strict=True)), want)


def test_run_node_with_stated_outputs():
    x = np.ones((2, 3), np.float32)
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    (y,) = backend.run_node(node, [x], outputs_info=[(np.dtype(np.float32), ())])
    assert y.shape == () and y == 6


def test_run_model_by_order_and_by_name():
    case = make("model", "LSTM")
    want = onnx_runtime(case.model, case.inputs)
    for inputs in (list(case.inputs.values()), case.inputs):
        got = backend.run_model(case.model, inputs)
        assert_outputs("ONNX Runtime", dict(zip(("Y", "Y_h", "Y_c"), got, strict=True)), want)


def test_prepare_keeps_one_program_a_shape():
    rep = backend.prepare(unary("Tanh"), target="tpu-v1")
    for _ in range(2):
        rep.run([np.zeros((2, 3), np.float32)])
    assert len(rep.programs) == 1
    ((program, _),) = rep.programs.values()
    assert program.machine.name == "tpu-v1"


def test_what_it_is_compatible_with():
    assert backend.is_compatible(unary("Tanh"))
    assert backend.is_compatible(make("open", "GRU", dynamic=9).model)
    assert not backend.is_compatible(unary("Det"))
    assert not backend.is_compatible(unary("Tanh"), device="CUDA")


def test_devices():
    assert backend.supports_device("CPU")
    assert not backend.supports_device("CUDA")
    with pytest.raises(UnsupportedError, match="CUDA"):
        backend.prepare(unary("Tanh"), device="CUDA")
