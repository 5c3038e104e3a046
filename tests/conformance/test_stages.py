"""The house rules: every stage of every pipeline means the same, on every machine, and cycles are honest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

import rnncc
from rnncc.bench.models import recurrent_model
from rnncc.cli.passes import documentation
from rnncc.compiler import Compilation
from rnncc.interpreter import run
from rnncc.machine import machine_names
from rnncc.passes.pipelines import DESCRIPTIONS, PIPELINES
from rnncc.random_inputs import random_for_program, random_inputs
from rnncc.simulator import simulate
from rnncc.skipped import take_counters
from rnncc.universe import ALL_PASSES
from tests.support.oracles import assert_outputs

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {
    "digits": {"x": (3, 8, 8)},
    "language_model": {"tokens": (6, 2), "h0": (2, 2, 128), "c0": (2, 2, 128)},
    "skip_rnn": {"x": (16, 1, 4)},
    "video": {"frames": (1, 3, 3, 32, 32)},
}
"""Small shapes for each sample; a new sample must be given one."""
SAMPLES = sorted(path.parent.name for path in (ROOT / "samples").glob("*/model.onnx"))
WHOLE = [name for name, passes in PIPELINES.items() if {"fold-constants", "allocate"} <= {*passes}]
"""The pipelines that lead from ONNX to the machine; the others are parts of them."""
REFUSED = {("video", "throughput"), ("skip_rnn", "throughput"), ("digits", "throughput")}
"""A sample and a pipeline that is not put on it: convolutions of several sequences have no rule; for a single sequence
the pipeline makes another signature; digits takes the last step by its place, which is another one in each row."""
FEW = {"video": ("edge",), "skip_rnn": ("edge",)}
"""A sample, or a pipeline, that takes long is put on some machines only."""


def cases() -> list[tuple[str, str, str]]:
    """Sample, pipeline, machine; pipelines that take step models have tests of their own."""
    return [
        (name, pipeline, target)
        for name in SAMPLES
        for pipeline in WHOLE
        for target in machine_names()
        if pipeline not in ("generate", "speculate") and (name, pipeline) not in REFUSED
        if all(target in FEW.get(word, machine_names()) for word in (name, pipeline))
    ]


def sample(name: str) -> Path:
    return ROOT / "samples" / name / "model.onnx"


@pytest.mark.parametrize("name", sorted(ALL_PASSES))
def test_every_pass_is_documented_and_has_its_lit_file(name: str):
    pass_class = ALL_PASSES[name]()
    assert pass_class.name == name
    text = documentation(pass_class)
    assert "Needs" in text and "Ensures" in text, f"{name}: what it needs, what it ensures"
    assert "xact" in text or "pproximate" in text, f"{name}: exact or approximate"
    file = ROOT / "tests" / "filecheck" / "passes" / f"{name.replace('-', '_')}.mlir"
    assert file.is_file()
    assert f"{name}" in file.read_text()


def test_every_pipeline_is_described():
    assert set(DESCRIPTIONS) == set(PIPELINES)


@pytest.mark.parametrize(("name", "pipeline", "target"), cases())
def test_every_stage_means_the_same(name: str, pipeline: str, target: str):
    compilation = Compilation(
        sample(name), target=target, pipeline=pipeline, shapes=SHAPES[name], numerics="exact"
    )
    inputs = random_inputs(compilation.module("onnx"), seed=3)
    compilation.verify_each()  # the interpreter's values after each pass equal those before it
    module = compilation.module()
    with patch.object(compilation, "module", return_value=module):
        program = compilation.program()  # of the same module: the way there is long
    if program.batch is not None:
        inputs = random_for_program(program, 3)  # the model's own are those of one sequence
    interpreted, _ = take_counters(run(module, inputs))
    assert_outputs(f"{target} interpreter", program.run(inputs, timing=False).outputs, interpreted)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_stage_means_the_same_in_machine_numerics(name: str):
    compilation = Compilation(sample(name), shapes=SHAPES[name], numerics="machine")
    inputs = random_inputs(compilation.module("onnx"), seed=3)
    module = compilation.module()
    interpreted = run(module, inputs)
    with patch.object(compilation, "module", return_value=module):
        outputs = compilation.program().run(inputs, timing=False).outputs
    exact = rnncc.compile(sample(name), shapes=SHAPES[name]).run(inputs, timing=False).outputs
    assert set(interpreted) == set(outputs) == set(exact)
    assert_outputs("exact", outputs, exact, tolerance=5e-2)


@cache
def benchmark(kind: str, hidden: int, steps: int, target: str) -> rnncc.Program:
    return rnncc.compile(recurrent_model(kind, hidden, steps), target=target)


@pytest.mark.parametrize(
    ("name", "target"),
    [(n, t) for n in SAMPLES for t in machine_names() if t in FEW.get(n, machine_names())],
)
def test_samples_cycles(name: str, target: str):
    shapes = dict(SHAPES[name])
    if name == "language_model":
        shapes["tokens"] = (40, 2)
    check_cycles(rnncc.compile(sample(name), target=target, shapes=shapes), {})


@pytest.mark.parametrize("target", machine_names())
@pytest.mark.parametrize(
    ("kind", "hidden", "steps"), [("LSTM", 256, 25), ("GRU", 512, 60), ("RNN", 100, 200)]
)
def test_benchmark_cycles(kind: str, hidden: int, steps: int, target: str):
    check_cycles(benchmark(kind, hidden, steps, target), {})


def check_cycles(program: rnncc.Program, lengths: dict[str, int]) -> None:
    """Extrapolating changes no cycle and no counter, and nothing beats the lower bound."""
    short = simulate(program, None, lengths=lengths, values=False)
    long = simulate(program, None, lengths=lengths, values=False, extrapolate=False)
    assert short.cycles == long.cycles
    ours, theirs = short.to_dict(), long.to_dict()
    for changing in ("seconds", "counters"):
        counters = ours.pop(changing), theirs.pop(changing)
        if changing == "counters":
            for one in counters:
                one.pop("extrapolated")
            assert counters[0] == counters[1]
    assert ours == theirs
    assert short.bounds is not None and short.cycles is not None
    assert 0 < short.bounds.cycles <= short.cycles
    assert short.counters is not None
    for engine, use in short.counters.engines.items():
        assert 0 <= use.use <= 1, engine


def test_values_do_not_change_cycles():
    program = benchmark("LSTM", 256, 25, "edge")
    x = np.random.default_rng(0).standard_normal((25, 1, 256)).astype(np.float32)
    assert program.run({"x": x}).cycles == simulate(program, None, values=False).cycles
