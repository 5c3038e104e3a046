"""Every node test of the ONNX suite: imported with the right types, or refused by name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp

from rnncc.errors import RnnccError
from rnncc.frontend import import_model

# Of 1,884 node tests those that are refused: 245 for their element types, the others for sequences,
# optionals, ai.onnx.ml and shapes that depend on data.
IMPORTED = 1530
RECURRENT = ("test_lstm", "test_gru", "test_simple_rnn", "test_rnn", "test_scan", "test_loop11")


@pytest.mark.onnx_suite
def test_every_node_test_imports_or_is_refused():
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)  # type: ignore[arg-type]
    imported = 0
    for case in cases:
        assert case.model is not None and case.data_sets
        inputs, outputs = case.data_sets[0]
        loop = case.name == "test_loop11"
        values = {"trip_count": inputs[0], "cond": inputs[1]} if loop else None
        try:
            module = import_model(case.model, values=values)
        except RnnccError as error:
            assert error.message
            assert not case.name.startswith(RECURRENT), (case.name, error)
            continue
        module.verify()
        imported += 1
        (function,) = module.body.block.ops
        assert isinstance(function, FuncOp)
        for kind, array in zip(function.function_type.outputs, outputs, strict=True):
            assert isinstance(kind, TensorType)
            # Some cases hold their data as TensorProto.
            shape = tuple(getattr(array, "dims", np.shape(array)))
            assert kind.get_shape() == shape, case.name
    assert imported >= IMPORTED
