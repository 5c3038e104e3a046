"""The attribute matrix at the rnn level and after each of its passes.

Oracles: the float64 reference always, ONNX Runtime where it takes the model.
"""

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance.rnn_cases import Case, attribute_cases, drawn_cases
from tests.conformance.rnn_stages import assert_close, names, stages
from tests.reference.rnn import run_node

CASES = list(attribute_cases())


def _reference(case: Case) -> dict[str, np.ndarray]:
    values = run_node(case.op_type, case.attributes, case.arrays)
    return names(case.options["outputs"], values)


def _onnx_runtime(case: Case) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        case.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values = session.run(None, case.inputs)
    return dict(zip(case.options["outputs"], map(np.asarray, values), strict=True))


def _check(case: Case) -> None:
    expected = _reference(case)
    dtype = case.inputs["X"].dtype
    if case.oracle:
        assert_close("onnxruntime", _onnx_runtime(case), expected, dtype)
    for stage, outputs in stages(case.model, case.inputs, case.options.get("shapes")):
        assert all(v.dtype == dtype for v in outputs.values())
        assert_close(stage, outputs, expected, dtype)


def test_ids_are_unique():
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_attribute(case: Case):
    _check(case)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(drawn_cases())
def test_combination(case: Case):
    _check(case)
