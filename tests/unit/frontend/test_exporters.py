"""What PyTorch's two exporters write: it imports, its shape arithmetic is gone, time is free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from models import attribute, function, names

from rnncc.frontend import import_model, shapes_from_inputs

FOLDER = Path(__file__).parents[2] / "data" / "torch"
# Sequences of tensors, and a state that grows: not among what the compiler takes yet.
REFUSED = ("cell_loop", "rnn_tanh-dynamo-dynamic", "generator_loop")
MODELS = [p for p in sorted(FOLDER.glob("*.onnx")) if not p.name.startswith(REFUSED)]
ARITHMETIC = {"Shape", "ConstantOfShape", "Range", "Expand", "If", "Where", "Equal", "Identity"}


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_import(path: Path):
    with np.load(path.with_suffix(".npz")) as data:
        inputs = {n.removeprefix("in:"): data[n] for n in data.files if n.startswith("in:")}
    module = import_model(path, shapes_from_inputs(path, inputs))
    module.verify()
    assert not ARITHMETIC & set(names(module)), names(module)
    # dynamo declares time open even where its graph has fixed it.
    if "torchscript-dynamic" in path.name and not path.name.startswith("convolutional"):
        assert "time" in str(function(module).attributes["rnncc.symbols"])
        assert attribute(module, "rnncc.static_reason") == ""
