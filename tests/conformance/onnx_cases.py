"""The node tests that the onnx package carries: models, inputs and expected outputs."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
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
    if not all(isinstance(value, (np.ndarray, np.generic)) for value in values):
        raise TypeError("the data are not all tensors")
    return [np.asarray(value) for value in values]


def check(expected: Sequence[np.ndarray], got: Sequence[np.ndarray], rtol: float = 1e-3) -> None:
    """As the ONNX suite compares: rtol 1e-3, atol 1e-7, element type and shape equal."""
    assert len(expected) == len(got)
    for want, have in zip(expected, got, strict=True):
        assert have.dtype == want.dtype
        assert have.shape == want.shape
        np.testing.assert_allclose(have, want, rtol=rtol, atol=1e-7)
