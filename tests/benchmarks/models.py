"""Single-layer recurrent models of a given size, written as ``.onnx`` files."""

from __future__ import annotations

from pathlib import Path

from rnncc.bench.models import recurrent_model


def model_file(folder: Path, kind: str, hidden: int, steps: int, batch: int = 1) -> Path:
    """The model as a file in ``folder``, made if it is not there."""
    path = folder / f"{kind.lower()}_h{hidden}_t{steps}_b{batch}.onnx"
    if not path.exists():
        path.write_bytes(recurrent_model(kind, hidden, steps, batch).SerializeToString())
    return path
