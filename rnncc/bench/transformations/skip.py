"""The sample Skip RNN on held-out digits: updates that a select throws away, or a branch that is not taken."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.bench.measure import Measured, in_all, measured
from rnncc.bench.samples import sample_folder
from rnncc.bench.transformations.row import Row, compared, edited

if TYPE_CHECKING:
    import numpy as np

PICTURES = 10
"""Held-out pictures, the first ones: how many steps are skipped differs from one to another."""


def skip_sample() -> tuple[Path, list[np.ndarray]]:
    """The model (input ``x`` float32 [16, 1, 4]) and pictures.

    Raises:
        InputError: the samples are not there; they are part of a clone, not of an installed package.
    """
    import numpy as np

    folder = sample_folder("skip_rnn")
    with np.load(folder / "heldout.npz") as archive:
        return folder / "model.onnx", list(archive["x"][:PICTURES])


def run_pictures(target: str, pipeline: str) -> Measured:
    """All pictures through one program; a unit of work is a picture."""
    import rnncc

    path, pictures = skip_sample()
    program = rnncc.compile(path, target, pipeline)
    found = [measured(program.run({"x": picture}, values=False)) for picture in pictures]
    return in_all(found, float(len(found)))


def rows(target: str) -> Iterator[Row]:
    """With and without branches."""
    branches = edited(add="sink-updates", before="canonicalize", last=True)
    yield compared(
        f"Skip RNN, {PICTURES} pictures",
        target,
        "sink-updates",
        partial(run_pictures, target, "default"),
        partial(run_pictures, target, branches),
        unit="picture",
    )
