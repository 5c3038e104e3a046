"""Gating of frames: the held-out clips of the sample LRCN, slow pans over photographs with cuts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.bench.measure import Measured, in_all, measured
from rnncc.bench.samples import sample_folder
from rnncc.bench.transformations.row import Row, compared
from rnncc.errors import RnnccError

if TYPE_CHECKING:
    import numpy as np

FLOOR = 1.8
"""Least gain over the same model that looks at every frame, whichever way is faster for that."""
THRESHOLD = 0.2
"""The largest of the sample's table, all of which leave every clip its class."""
GATED, PLAIN = f"video{{threshold={THRESHOLD}}}", "video{threshold=0}"
"""With threshold 0 nothing is skipped, but the CNN still goes into the step where the machine gains from it."""


def video_sample() -> tuple[Path, list[np.ndarray], np.ndarray]:
    """The model (input ``frames`` ui8 [1, T, 3, 32, 32], output ``scores`` [1, 4]), the clips, their classes.

    Raises:
        InputError: the samples are not there; they are part of a clone, not of an installed package.
    """
    import numpy as np

    folder = sample_folder("video")
    with np.load(folder / "heldout.npz") as archive:
        return folder / "model.onnx", list(archive["frames"]), archive["label"]


def run_clips(target: str, pipeline: str) -> tuple[Measured, list[int], int, int]:
    """All clips through one program.

    Returns:
        The cycles (a unit of work is a clip), the class of each clip, and the steps skipped and run.
    """
    import rnncc

    path, clips, _ = video_sample()
    program = rnncc.compile(path, target, pipeline, {"frames": clips[0].shape})
    found, classes, skipped, steps = [], [], 0, 0
    for clip in clips:
        result = program.run({"frames": clip})
        found.append(measured(result))
        classes.append(int(result.outputs["scores"].argmax()))
        skipped += sum(gate.skipped for gate in result.report.skipped)
        steps += sum(gate.steps for gate in result.report.skipped)
    return in_all(found, float(len(clips))), classes, skipped, steps


def rows(target: str) -> Iterator[Row]:
    """Gated clips beside clips of which every frame is looked at; every class must stay."""
    name = "LRCN, panned clips"
    try:
        plain, before, _, _ = run_clips(target, PLAIN)
        gated, after, skipped, steps = run_clips(target, GATED)
    except RnnccError as error:
        yield Row(name, target, "gate-frames", None, None, unit="clip", problem=error.message)
        return
    same = sum(a == b for a, b in zip(before, after, strict=True))
    if same < len(before):
        problem = f"{len(before) - same} of {len(before)} clips change their class"
        yield Row(name, target, "gate-frames", None, None, unit="clip", problem=problem)
        return
    yield compared(
        name,
        target,
        "gate-frames",
        lambda: plain,
        lambda: gated,
        unit="clip",
        floor=FLOOR,
        note=f"threshold {THRESHOLD}: {skipped} of {steps} steps skipped, the same class for all {same} clips",
    )
