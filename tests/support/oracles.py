"""What the outputs of a model should be, and how far apart two answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TOLERANCE = {"float16": 8e-3, "float32": 1e-5, "float64": 1e-12}
"""Largest difference allowed, relative to the largest output, by element type."""


def onnx_runtime(
    model: onnx.ModelProto | str | Path, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """ONNX Runtime's outputs by name, on one thread and without its warnings."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    source = str(model) if isinstance(model, (str, Path)) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, dict(inputs))
    return dict(zip(names, map(np.asarray, values), strict=True))


def error_of(want: np.ndarray, got: np.ndarray) -> float:
    """Largest difference, relative to the largest expected output; a NaN counts as infinite."""
    if not want.size:
        return 0.0
    scale = float(np.abs(want).max()) or 1.0
    error = float(np.abs(got.astype(np.float64) - want).max()) / scale
    return error if np.isfinite(error) else float("inf")


def assert_outputs(
    label: str,
    outputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    dtype: np.dtype | None = None,
    tolerance: float | None = None,
    only: Sequence[str] | None = None,
) -> None:
    """Every expected output is there, with its shape and its values.

    Args:
        label: who expected it, for the message.
        outputs: what was computed.
        expected: what it should be; may be of higher precision.
        dtype: element type that the outputs must have; that of ``expected`` when None.
        tolerance: by the element type when None.
        only: compare these outputs alone.
    """
    for name, want in expected.items():
        if only is not None and name not in only:
            continue
        got = outputs[name]
        assert got.shape == want.shape, f"{label}: {name} is {got.shape}, expected {want.shape}"
        assert got.dtype == (dtype or want.dtype), f"{label}: {name} is {got.dtype}"
        if got.dtype.kind in "iub":
            np.testing.assert_array_equal(got, want, err_msg=f"{label}: {name}")
            continue
        limit = TOLERANCE[got.dtype.name] if tolerance is None else tolerance
        error = error_of(want, got)
        assert error <= limit, f"{label}: {name} is off by {error:.3g} of the largest output"
