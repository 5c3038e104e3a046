"""The node tests that the onnx package carries: models, inputs and expected outputs."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests


def cases_of(*modules: str) -> dict[str, TestCase]:
    """The node tests of some operators' modules (``"lstm"``), without making all 1,884 of them."""
    from onnx.backend.test.case import node

    for module in modules:
        importlib.import_module(f"onnx.backend.test.case.node.{module}")
    return {case.name: case for case in node._NodeTestCases}


@lru_cache(maxsize=1)
def node_cases() -> dict[str, TestCase]:
    """Every node test by name (``test_lstm_defaults``); takes some seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite makes its infinities on purpose
        return {case.name: case for case in load_model_tests(kind="node")}


def arrays(values: Sequence[Any]) -> list[np.ndarray]:
    """The tensors of a data set.

    Raises:
        TypeError: a sequence or an optional, which are no tensors.
    """
    values = [
        numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
        for value in values
    ]
    if not all(isinstance(value, (np.ndarray, np.generic)) for value in values):
        raise TypeError("the data are not all tensors")
    return [np.asarray(value) for value in values]


def check(expected: Sequence[np.ndarray], got: Sequence[np.ndarray], rtol: float = 1e-3) -> None:
    """As the ONNX suite compares: rtol 1e-3, atol 1e-7, element type and shape equal.

    bfloat16 keeps 8 bits, so one rounding is more than 1e-3 already: there a chain of four is allowed.
    """
    assert len(expected) == len(got)
    for want, have in zip(expected, got, strict=True):
        assert have.dtype == want.dtype
        assert have.shape == want.shape
        if want.dtype.name == "bfloat16":
            np.testing.assert_allclose(have.astype("f4"), want.astype("f4"), rtol=4 * 2.0**-8)
        else:
            np.testing.assert_allclose(have, want, rtol=rtol, atol=1e-7)
