"""What batching must gain, in cycles: the floors of the issue, through the pipeline `throughput`."""

import numpy as np
import pytest

import rnncc
from tests.unit.batch.models import cell_model


def cycles(target, hidden, steps, pipeline, lengths=None):
    """Cycles of one run of an LSTM as wide as its input; with lengths of at most `steps` for each row."""
    model = cell_model("LSTM", features=hidden, hidden=hidden)
    program = rnncc.compile(
        model, target=target, shapes={"x": (steps, 1, hidden)}, pipeline=pipeline
    )
    inputs = None
    if lengths is not None:
        x = np.zeros((steps, len(lengths), hidden), np.float32)
        inputs = {"x": x, "lengths": np.array(lengths, np.int32)}
    return program.run(inputs, values=False).cycles or 0


def test_streamed_weights_serve_a_batch():
    one = cycles("tpu-v1", 1024, 25, "default")
    many = cycles("tpu-v1", 1024, 25, "throughput{size=64 policy=pad}")
    assert 64 * one / many >= 20


@pytest.mark.parametrize(("steps", "floor"), [(25, 4), (150, 3.5)])
def test_eight_interleaved_sequences_fill_a_machine_of_resident_weights(steps, floor):
    """In a long run the matrix engine, busy for eight, allows 4.5 times (and 3.5 once the weights are there)."""
    one = cycles("bw-s10", 1024, steps, "default")
    eight = cycles("bw-s10", 1024, steps, "throughput{size=8 policy=pad}")
    assert 8 * one / eight >= floor


@pytest.mark.parametrize(("target", "hidden"), [("edge", 256), ("bw-s10", 1024)])
def test_packed_rows_where_macs_bind(target, hidden):
    lengths = np.random.default_rng(0).integers(5, 151, 16)
    lengths[8] = 150
    pad = cycles(target, hidden, 150, "throughput{policy=pad ragged=true}", lengths)
    pack = cycles(target, hidden, 150, "throughput", lengths)
    assert pad / pack >= 1.5


def test_cellular_batching_wastes_no_slot():
    """40 requests through 8 slots, against five padded batches of 8 in order of arrival."""
    lengths = np.random.default_rng(0).integers(5, 151, 40)
    model = cell_model("LSTM", features=256, hidden=256)
    pad, cellular = (
        rnncc.compile(model, shapes={"x": (steps, 1, 256)}, pipeline=f"throughput{{size=8 {more}}}")
        for steps, more in ((150, "policy=pad ragged=true"), (600, "policy=cellular requests=40"))
    )
    x = np.zeros((150, 40, 256), np.float32)
    whole = {"x": x, "lengths": lengths.astype(np.int32)}
    parts = [
        {"x": x[:, i : i + 8], "lengths": whole["lengths"][i : i + 8]} for i in range(0, 40, 8)
    ]
    padded = sum(pad.run(part, values=False).cycles or 0 for part in parts)
    assert padded / (cellular.run(whole, values=False).cycles or 0) >= 1.5
