"""Lengths of sequences are recognised among the inputs, and checked at each run."""

from pathlib import Path

import numpy as np
import pytest

import rnncc
from rnncc.errors import InputError

MODEL = (
    Path(__file__).resolve().parents[1] / "data" / "torch" / "lstm_packed-torchscript-dynamic.onnx"
)


@pytest.fixture(scope="module")
def program_and_inputs():
    with np.load(MODEL.with_suffix(".npz")) as archive:
        inputs = {k[3:]: archive[k] for k in archive.files if k.startswith("in:")}
    return rnncc.compile(MODEL, shapes={k: v.shape for k, v in inputs.items()}), inputs


def test_lengths_are_known(program_and_inputs):
    program, _ = program_and_inputs
    ((maximum, symbol),) = program.report["sequence_lens"].values()
    assert maximum == 7
    assert symbol in program.symbols


@pytest.mark.parametrize("wrong", [-1, 8])
def test_a_length_outside_the_time_is_refused(program_and_inputs, wrong):
    program, inputs = program_and_inputs
    (name,) = program.report["sequence_lens"]
    lens = inputs[name].copy()
    lens[-1] = wrong
    with pytest.raises(InputError, match=rf"'{name}' holds the length {wrong}, outside 0\.\.7"):
        program.run({**inputs, name: lens})
