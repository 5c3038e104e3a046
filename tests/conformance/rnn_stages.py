"""Taking a model through the passes of the rnn and nn levels and comparing the stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.frontend import import_model
from rnncc.interpreter import run
from rnncc.universe import ALL_PASSES, make_context
from rnncc.verifier import verify_module

CONVERT = ("convert-onnx-to-rnn", "convert-onnx-to-nn")
TRANSFORM = ("decompose-cells", "fuse-gates", "hoist-input-projection", "lower-lengths")


def imported(model: onnx.ModelProto, shapes: dict | None = None) -> tuple[Context, ModuleOp]:
    """The model at the rnn and nn level."""
    ctx = make_context()
    module = import_model(model, shapes=shapes)
    for name in CONVERT:
        ALL_PASSES[name]()().apply(ctx, module)
        verify_module(module)
    return ctx, module


def stages(
    model: onnx.ModelProto, inputs: dict[str, np.ndarray], shapes: dict | None = None
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The outputs after each pass, by the pass's name."""
    ctx, module = imported(model, shapes)
    yield "convert-onnx-to-nn", run(module, inputs)
    for name in TRANSFORM:
        ALL_PASSES[name]()().apply(ctx, module)
        verify_module(module)
        yield name, run(module, inputs)


def assert_close(
    stage: str,
    outputs: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    dtype: np.dtype,
) -> None:
    """Outputs agree within the rounding of the element type, relative to the largest output."""
    tolerance = {"float16": 8e-3, "float32": 1e-5, "float64": 1e-12}[np.dtype(dtype).name]
    for name, want in expected.items():
        got = outputs[name]
        assert got.shape == want.shape, f"{stage}: {name} has shape {got.shape}, not {want.shape}"
        scale = max(1.0, float(np.max(np.abs(want), initial=0)))
        error = float(np.max(np.abs(got - want), initial=0)) / scale
        assert error <= tolerance, f"{stage}: {name} is off by {error:.3g} of the largest"


def names(outputs: Sequence[str], values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Those of Y, Y_h, Y_c that are outputs of the graph."""
    found: dict[str, np.ndarray] = dict(zip(("Y", "Y_h", "Y_c"), values, strict=False))
    return {name: found[name] for name in outputs}
