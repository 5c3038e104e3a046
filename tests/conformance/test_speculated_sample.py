"""The language model guesses words ahead as its README says, and writes the same text."""

import re
import shlex

import numpy as np
import pytest

import rnncc
from rnncc.__main__ import main
from rnncc.generation import Generate
from rnncc.runtime import run_program

from .test_samples import LANGUAGE, SAMPLES

README = (LANGUAGE / "README.md").read_text()
FEEDBACK = ("logits:tokens", "hn:h0", "cn:c0")
TARGETS = ("edge", "bw-s10", "tpu-v1")


def test_the_run_line_prints_what_the_readme_says(capsys, monkeypatch):
    monkeypatch.chdir(SAMPLES.parent)
    (line,) = re.findall(r"rnncc (run .*speculate\.pipeline)\n", README)
    assert main(shlex.split(line)) == 0
    printed = capsys.readouterr().out
    begins, ends = re.findall(r"begins with `([^`]+)` and ends with `([^`]+)`", README)[0]
    assert printed.startswith(begins)
    assert printed.rstrip().endswith(ends.replace("\n", " "))


@pytest.mark.parametrize("target", ["bw-s10"])
def test_cycles_of_guessed_words(target):
    column = TARGETS.index(target)
    stated = {
        name: int(row.split("|")[column].strip().replace(",", ""))
        for name, row in re.findall(r"\| (one word a step|guessed) \|(.*)\|", README)
    }
    with np.load(LANGUAGE / "heldout.npz") as archive:
        prompt = archive["tokens"][:16, 0]
    texts = []
    for name, pipeline in (
        ("one word a step", "generate"),
        ("guessed", f'speculate{{width=12 draft=history tokens="{LANGUAGE / "tokens.npz"}"}}'),
    ):
        how = Generate(FEEDBACK, max_tokens=400, max_prompt=16)
        program = rnncc.compile(LANGUAGE / "model.onnx", target, pipeline, generate=how)
        result = run_program(program, {"tokens": prompt})
        assert result.cycles == pytest.approx(stated[name], rel=0.03), name
        texts.append(result.outputs["tokens"].tolist())
    assert texts[0] == texts[1]
    (found,) = result.report.speculated
    assert f"{found.words} words in {found.turns} turns" in README
