"""What a model's outputs should be: ONNX Runtime's, or our interpreter's where ONNX Runtime refuses or is absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnncc.verify_each import TOLERANCE, difference, relative_error

MACHINE_TOLERANCE = 5e-2
"""Allowed relative error of ``--numerics machine``: operands of 8 bits or more."""
COARSE_TOLERANCE = {"bfp-1s5e2m": 0.75, "bfp-1s5e3m": 0.4, "bfp-1s5e4m": 0.2, "bfp-1s5e5m": 0.1}
"""The same for block floating point, of the root mean square of all elements: its models are trained for it, those that
are checked here were not, and single ones near zero may well change their sign."""


_PORT_TYPES = {
    "tensor(bool)": np.bool_,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    **{
        f"tensor({sign}int{bits})": np.dtype(f"{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
"""ONNX Runtime's names of the element types of inputs."""


@dataclass(frozen=True)
class Reference:
    """Outputs by name, who computed them, and why not ONNX Runtime where it was not."""

    source: str
    outputs: dict[str, np.ndarray]
    reason: str | None = None


@dataclass(frozen=True)
class Comparison:
    """One output against its reference."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    error: float
    """Largest difference relative to the largest magnitude expected (0 for equal integers, inf for unequal); the root
    mean square of both where that was asked for."""
    problem: str | None
    """What is wrong, or None."""
    comparable: bool = True
    """Whether both sides have the same shape and type."""


def reference_outputs(
    path: str, inputs: Mapping[str, np.ndarray], values: Mapping[str, object] | None = None
) -> Reference:
    """The reference for ``inputs``.

    Args:
        path: the ``.onnx`` file.
        inputs: every input by name.
        values: inputs bound at compile time, given to the reference as ordinary inputs.

    Raises:
        RnnccError: neither ONNX Runtime nor the interpreter can run the model.
    """
    try:
        return _onnxruntime(path, inputs, values or {})
    except ImportError:
        reason = "it is not installed (pip install onnxruntime)"
    except Exception as error:  # ONNX Runtime's errors share no base class
        reason = " ".join(str(error).split())[:160]
    return Reference("rnncc's interpreter", _interpret(path, inputs, values or {}), reason)


def _onnxruntime(
    path: str, inputs: Mapping[str, np.ndarray], values: Mapping[str, object]
) -> Reference:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = dict(inputs)
    for port in session.get_inputs():
        if port.name in values:
            given = np.asarray(values[port.name], dtype=_PORT_TYPES.get(port.type))
            feeds[port.name] = given.reshape(
                [d for d in port.shape if isinstance(d, int)] or given.shape
            )
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, feeds)
    return Reference(
        "ONNX Runtime", {n: np.asarray(o) for n, o in zip(names, outputs, strict=True)}
    )


def _interpret(
    path: str, inputs: Mapping[str, np.ndarray], values: Mapping[str, object]
) -> dict[str, np.ndarray]:
    from rnncc.compiler import Compilation
    from rnncc.frontend.signature import shapes_from_inputs
    from rnncc.interpreter import run

    shapes = shapes_from_inputs(path, dict(inputs))
    compilation = Compilation(path, pipeline="front", shapes=shapes, values=values, dynamic=False)
    return run(compilation.module(), dict(inputs))


def compare(
    expected: Mapping[str, np.ndarray],
    got: Mapping[str, np.ndarray],
    tolerance: float | None = None,
    *,
    by_mean: bool = False,
) -> list[Comparison]:
    """Every expected output against what was computed.

    Args:
        expected, got: arrays by output name.
        tolerance: relative; by element type when None.
        by_mean: judge floating-point outputs by the root mean square of their errors, not by the largest.
    """
    rows = []
    for name, value in expected.items():
        actual = got.get(name)
        limit = tolerance if by_mean and value.dtype.kind == "f" else None
        problem = difference(value, actual, tolerance if limit is None else float("inf"))
        if actual is None or actual.shape != value.shape:
            error = float("inf")
        elif value.dtype.kind in "iub":
            error = 0.0 if np.array_equal(value, actual) else float("inf")
        elif limit is not None and problem is None:
            error = mean_error(value, actual)
            if error > limit:
                problem = f"relative error {error:.3g} (allowed {limit:.3g})"
        else:
            error = relative_error(value, actual)
        same = actual is not None and actual.shape == value.shape and actual.dtype == value.dtype
        rows.append(Comparison(name, value.shape, value.dtype.name, error, problem, same))
    return rows


def mean_error(expected: np.ndarray, got: np.ndarray) -> float:
    """Root mean square of the difference, relative to that expected; inf where infinities or NaN disagree."""
    if not np.isfinite(relative_error(expected, got)):
        return float("inf")
    finite = np.isfinite(expected)
    a, b = expected[finite].astype(np.float64), got[finite].astype(np.float64)
    return float(np.linalg.norm(a - b) / (np.linalg.norm(a) or 1.0))


def judged_by_mean(tolerance: float | None, weights: str) -> bool:
    """Whether the tolerance that `tolerance_of` gave is one of the root mean square."""
    return tolerance is not None and tolerance == COARSE_TOLERANCE.get(weights)


def measured(rows: list[Comparison]) -> list[Comparison]:
    """The comparisons of an approximate program: an error is a measurement, not a failure.

    An output that is missing or has another shape or type stays wrong.
    """
    return [replace(row, problem=None) if row.problem and row.comparable else row for row in rows]


def tolerance_of(numerics: str, override: float | None = None, weights: str = "") -> float | None:
    """The tolerance for a numerics mode: the element type's for ``exact`` (None), a loose one for ``machine``.

    Args:
        numerics: ``exact`` or ``machine``.
        override: what the user asked for.
        weights: the machine's format of weights; a mantissa of so few bits leaves little of an untrained model.
    """
    if override is not None or numerics != "machine":
        return override
    return COARSE_TOLERANCE.get(weights, MACHINE_TOLERANCE)


__all__ = ["TOLERANCE", "Comparison", "Reference", "compare", "reference_outputs", "tolerance_of"]
