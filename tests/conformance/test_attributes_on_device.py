"""The attribute matrix through the whole compiler, on the simulated machines.

Oracles: the float64 reference always, ONNX Runtime where it takes the model.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rnncc
from tests.conformance.rnn_cases import CONSTANT, Case, attribute_cases, drawn_cases, make
from tests.conformance.rnn_stages import names
from tests.reference.rnn import run_node
from tests.support.oracles import TOLERANCE, assert_outputs, error_of, onnx_runtime

CASES = list(attribute_cases())
FEW = [
    case
    for case in CASES
    if case.id.endswith(
        (
            "bidirectional-lens-ragged",
            "reverse-lens-zero",
            "bidirectional-layout",
            "bidirectional-run-time-weights",
            "reverse-dynamic-lens",
            "clip",
            "per-direction-activations",
            "-half",
            "-double",
            "odd-sizes",
            "peephole-bidirectional",
            "input-forget-peephole",
            "bidirectional-linear-before-reset-lens",
        )
    )
]


def expected(case: Case) -> dict[str, np.ndarray]:
    values = run_node(case.op_type, case.attributes, case.arrays)
    return names(case.options["outputs"], values)


def check(case: Case, target: str = "edge") -> None:
    program = rnncc.compile(case.model, target=target, shapes=case.options.get("shapes"))
    outputs = program.run(case.inputs, timing=False).outputs
    dtype = case.inputs["X"].dtype
    reference = expected(case)
    assert_outputs("float64 reference", outputs, reference, dtype)
    if case.oracle:
        theirs = onnx_runtime(case.model, case.inputs)
        # ONNX Runtime has an error of its own, which is none of ours.
        own = max(error_of(want, theirs[name]) for name, want in reference.items())
        limit = TOLERANCE[dtype.name] + own
        assert own < 1e-4
        assert_outputs("ONNX Runtime", outputs, theirs, dtype, limit)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_attribute(case: Case):
    check(case)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(drawn_cases())
def test_combination(case: Case):
    check(case)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.data())
def test_sizes_that_fit_no_tile(data: st.DataObject):
    op = data.draw(st.sampled_from(["LSTM", "GRU", "RNN"]))
    steps, batch = data.draw(st.integers(1, 9)), data.draw(st.sampled_from([1, 2, 5, 17]))
    direction = data.draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
    lens = data.draw(
        st.none() | st.lists(st.integers(0, steps), min_size=batch, max_size=batch), "lens"
    )
    sizes = st.sampled_from([3, 31, 33, 63, 65, 100, 127, 129, 200])
    case = make(
        "sizes",
        op,
        {"direction": direction},
        steps=steps,
        batch=batch,
        features=data.draw(sizes),
        hidden=data.draw(sizes),
        lens=lens,
        constant=data.draw(st.sampled_from([CONSTANT, ()])),
        dynamic=data.draw(st.sampled_from([0, steps, steps + 7])),
        scale=0.1,
    )
    check(case, data.draw(st.sampled_from(["edge", "edge", "bw-s10", "tpu-v1"])))


@pytest.mark.parametrize("target", ["bw-s10", "tpu-v1"])
@pytest.mark.parametrize("case", FEW, ids=lambda case: case.id)
def test_other_machines_compute_the_same_values(case: Case, target: str):
    check(case, target)


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_machine_numerics_round_products_to_bf16(op: str, direction: str):
    case = make("bf16", op, {"direction": direction}, steps=12, hidden=48, features=40, scale=0.1)
    want = expected(case)
    exact = rnncc.compile(case.model).run(case.inputs, timing=False).outputs
    program = rnncc.compile(case.model, numerics="machine")
    assert program.numerics == "machine"
    got = program.run(case.inputs, timing=False).outputs
    for name, value in want.items():
        # bf16 keeps 8 bits: each factor is off by at most 2**-9, and the products' errors partly cancel.
        assert 1e-4 < error_of(value, got[name]) < 2e-2
        assert error_of(value, exact[name]) < 1e-5
        assert got[name].dtype == np.float32


def test_machine_numerics_equal_bf16_arithmetic():
    """One step without bias or state is one product of rounded factors, summed in fp32."""
    import ml_dtypes

    case = make("bf16", "RNN", steps=1, batch=2, features=64, hidden=32, bias=False, initial=False)
    x, w = case.arrays[0], case.arrays[1]
    assert x is not None and w is not None
    rounded = [a.astype(ml_dtypes.bfloat16).astype(np.float64) for a in (x[0], w[0])]
    want = np.tanh(rounded[0] @ rounded[1].T)
    program = rnncc.compile(case.model, numerics="machine")
    got = program.run(case.inputs, timing=False).outputs["Y_h"][0]
    assert np.abs(got - want).max() < 1e-6
