"""The serving sample: its commands print what its page says; its sentences give what each gives alone."""

import re
import shlex
from pathlib import Path

import numpy as np

import rnncc
from rnncc.__main__ import main
from tests.conformance.test_sample_pipelines import pattern

ROOT = Path(__file__).resolve().parents[2]
SERVING = ROOT / "samples" / "serving"
MODEL = ROOT / "samples" / "language_model" / "model.onnx"


def test_commands_print_what_the_page_says(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    lines = (SERVING / "README.md").read_text().splitlines()
    place, out, commands = 0, "", 0
    for line in lines:
        if line.startswith("$ rnncc "):
            assert main(shlex.split(line.removeprefix("$ rnncc "))) == 0
            place, out, commands = 0, capsys.readouterr().out, commands + 1
        elif line.startswith("> "):
            match = re.compile(pattern(line.removeprefix("> "))).search(out, place)
            assert match, f"no line '{line}' after the ones before it:\n{out}"
            place = match.end()
    assert commands == 1


def test_sentences_in_slots_equal_sentences_alone():
    given = dict(np.load(SERVING / "sentences.npz"))
    state = (2, 1, 128)
    program = rnncc.compile(
        MODEL,
        shapes={"tokens": (100, 1), "h0": state, "c0": state},
        pipeline="throughput{size=8 policy=cellular requests=24}",
    )
    got = program.run(given).outputs
    alone = rnncc.compile(MODEL, shapes={"tokens": (40, 1), "h0": state, "c0": state})
    for request in (0, 6, 23):
        n = given["lengths"][request]
        one = slice(request, request + 1)
        inputs = {
            "tokens": given["tokens"][:n, one],
            "h0": given["h0"][:, one],
            "c0": given["c0"][:, one],
        }
        for name, value in alone.run(inputs).outputs.items():
            mine = got[name][:, one]
            mine = mine[:n] if name == "logits" else mine
            np.testing.assert_allclose(mine, value, rtol=1e-4, atol=1e-4)
