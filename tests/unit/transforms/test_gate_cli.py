"""An approximate pipeline on the command line: its error is shown, not judged, unless a tolerance is given."""

import json

import numpy as np
import onnx
import pytest

from rnncc.__main__ import main

from .lrcn import clip, lrcn

PIPELINE = "video{threshold=0.02}"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    onnx.save(lrcn(), folder / "model.onnx")
    np.savez(folder / "clip.npz", x=clip(8, (3, 5)))
    return folder, str(folder / "model.onnx"), str(folder / "clip.npz")


def test_run_and_verify(files, capsys):
    _, model, frames = files
    assert main(["run", model, "-i", frames, "-p", PIPELINE, "--check"]) == 0
    out = capsys.readouterr().out
    assert "gate-frames: 'rnn0' skipped 5 of 8 steps (62%)" in out
    assert "approximate by gate-frames{threshold=0.02 metric=l2}" in out
    assert main(["run", model, "-i", frames, "-p", PIPELINE, "--check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["skipped"] == [{"name": "rnn0", "skipped": 5, "steps": 8}]
    assert found["check"]["approximate"] == ["gate-frames{threshold=0.02 metric=l2}"]
    assert main(["verify", model, "-i", frames, "-p", PIPELINE]) == 0
    assert "approximate by" in capsys.readouterr().out
    assert main(["verify", model, "-i", frames, "-p", PIPELINE, "--tolerance", "1e-5"]) == 1
    assert "WRONG" in capsys.readouterr().out
    assert main(["verify", model, "-i", frames, "-p", "video{threshold=0}"]) == 0
    assert "approximate" not in capsys.readouterr().out


def test_calibration(files, capsys):
    folder, model, frames = files
    target = str(folder / "model.rnx")
    options = ["compile", model, "-p", PIPELINE, "-o", target, "--calibration", frames]
    assert main([*options, "--calibration", frames]) == 0
    out = capsys.readouterr().out
    assert "calibration on 2 runs" in out and "10 of 16 steps skipped" in out
    assert "scores: relative error" in out and "in 2 of 2" in out
    assert main(["run", target, "-i", frames, "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)["program"]["calibration"]
    assert kept["skipped"] == 10 and len(kept["cycles"]) == 2
    assert main([*options, "--emit", "npu"]) == 1
    assert "--calibration measures whole programs" in capsys.readouterr().err
    assert main(["compile", model, "--calibration", str(folder / "none.npz")]) == 1


def test_threshold_of_a_named_pipeline(files, capsys):
    _, model, frames = files
    assert main(["run", model, "-i", frames, "-p", "video{threshold=-1}"]) == 1
    assert "a threshold is a number from 0 on" in capsys.readouterr().err
