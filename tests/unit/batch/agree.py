"""Compares a batch with each of its sequences alone, in the interpreter and on the machine."""

from __future__ import annotations

import numpy as np

import rnncc
from rnncc.compiler import Compilation
from rnncc.interpreter import run

BEFORE = (
    "front,decompose-cells,fuse-gates,{},hoist-input-projection,lower-lengths,canonicalize,cse,dce"
)
AFTER = (
    "front,decompose-cells,fuse-gates,hoist-input-projection,{},lower-lengths,canonicalize,cse,dce"
)


def check(
    model,
    shape: tuple[int, ...],
    lengths: list[int],
    text: str,
    *,
    order: str = BEFORE,
    target: str = "edge",
    axes: dict[str, int] | None = None,
) -> None:
    """Sequences of random numbers: rows of the batch equal what each sequence gives alone.

    Args:
        shape: of one sequence, time first, the batch second if there is one.
        lengths: of each sequence.
        text: the pass with its options.
        axes: the batch axis of y and h, default 2 and 1.
    """
    longest, size = shape[0], len(lengths)
    random = np.random.default_rng(len(lengths))
    rows = [random.standard_normal((n, *shape[1:])).astype(np.float32) for n in lengths]
    batch = np.zeros((longest, size, shape[-1]), np.float32)
    for b, row in enumerate(rows):
        batch[: len(row), b] = row.reshape(len(row), -1)
        batch[len(row) :, b] = 7.0  # must not matter
    inputs: dict[str, np.ndarray] = {"x": batch}
    if "ragged" in text or "pack" in text:
        inputs["lengths"] = np.array(lengths, np.int32)
    alone = rnncc.compile(model, target=target, shapes={"x": shape})
    pipeline = order.format(text)
    module = Compilation(model, target=target, shapes={"x": shape}, pipeline=pipeline).module("rnn")
    program = rnncc.compile(model, target=target, shapes={"x": shape}, pipeline=f"{pipeline},back")
    for got in (run(module, inputs), program.run(inputs).outputs):
        for b, row in enumerate(rows):
            expected = alone.run({"x": row}).outputs
            _compare(got, expected, b, axes or {"y": 2, "h": 1})


def _compare(got, expected, b, axes) -> None:
    for name, value in expected.items():
        mine = np.take(got[name], b, axis=axes[name])
        if mine.ndim == value.ndim - 1:
            mine = np.expand_dims(mine, axes[name])
        if name == "y":
            assert not mine[len(value) :].any(), "outputs beyond the end must be zero"
            mine = mine[: len(value)]
        np.testing.assert_allclose(mine, value, rtol=1e-5, atol=1e-5)
