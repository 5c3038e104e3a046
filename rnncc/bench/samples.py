"""The samples that suites run, which are part of a clone and not of an installed package."""

from __future__ import annotations

from pathlib import Path

from rnncc.errors import InputError


def sample_folder(name: str) -> Path:
    """The folder of a sample.

    Raises:
        InputError: it is not there.
    """
    folder = Path(__file__).resolve().parents[2] / "samples" / name
    if not (folder / "model.onnx").is_file():
        raise InputError(f"the sample samples/{name} is not there", "run from a clone of rnncc")
    return folder
