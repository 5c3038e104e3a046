"""The ONNX suite's LSTM, GRU, RNN, Scan and counted Loop tests, wholly on the device."""

import pytest

from rnncc.onnx_backend import RnnccBackend
from tests.conformance.onnx_cases import arrays, cases_of, check

CASES = {
    name: case
    for name, case in cases_of("lstm", "gru", "rnn", "scan", "loop").items()
    if name.startswith(("test_lstm_", "test_gru_", "test_rnn_", "test_simple_rnn_", "test_scan"))
    or name == "test_loop11"
}


def test_the_suite_has_its_18_recurrent_tests():
    assert sum("scan" not in name and "loop" not in name for name in CASES) == 18


@pytest.mark.parametrize("name", sorted(CASES))
def test_node(name: str):
    case = CASES[name]
    assert case.model is not None and case.data_sets is not None
    rep = RnnccBackend.prepare(case.model)
    for inputs, outputs in case.data_sets:
        check(arrays(outputs), rep.run(arrays(inputs)), case.rtol)
    for program, _ in rep.programs.values():
        assert not any(i.op == "host" for i in program.instructions)
