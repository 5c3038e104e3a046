"""``rnncc compile --explain``: its figures are those of programs that really run, its words those of the passes."""

import json
from pathlib import Path

import numpy as np
import pytest

import rnncc
from rnncc.__main__ import main
from rnncc.bench.models import recurrent_model
from rnncc.compiler import Compilation
from rnncc.dialects._main import main_function
from rnncc.explain.explanation import Explanation
from rnncc.explain.facts import products_of, steps_of
from rnncc.generation import Generate

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
DIGITS = str(SAMPLES / "digits" / "model.onnx")
DEEP = str(Path(__file__).resolve().parents[2] / "support" / "deep.toml")
"""A machine whose steps are all latency."""
STACK = recurrent_model("LSTM", 32, 12, layers=3)
PIPELINE = "front,decompose-cells,hoist-input-projection,wavefront-layers,lower-lengths,canonicalize,cse,dce,back"


def explain(**options) -> Explanation:
    return Compilation(STACK, target=DEEP, **options).explain()


@pytest.fixture(scope="module")
def wave() -> Explanation:
    return explain(pipeline=PIPELINE)


def cycles(pipeline: str) -> int | None:
    return rnncc.compile(STACK, DEEP, pipeline).run(None, values=False).cycles


def test_each_figure_is_that_of_a_program_without_the_later_passes(wave):
    after = {entry.name: entry.facts for entry in wave.entries}
    end = "lower-lengths,canonicalize,cse,dce,back"
    assert wave.first.cycles == cycles(f"front,decompose-cells,{end}")
    hoisted = f"front,decompose-cells,hoist-input-projection,{end}"
    assert after["hoist-input-projection"].cycles == cycles(hoisted)
    assert wave.last.cycles == wave.program.run(None, values=False).cycles
    assert after["wavefront-layers"].cycles < after["hoist-input-projection"].cycles


def test_steps_and_products(wave):
    after = {entry.name: entry.facts for entry in wave.entries}
    assert (wave.first.steps, wave.first.products) == (36, 72)
    hoisted, joined = after["hoist-input-projection"], after["wavefront-layers"]
    assert (hoisted.steps, hoisted.products) == (36, 39)
    # 12 + 3 - 1 diagonals: two before the scan and two behind it are straight code.
    assert joined.steps == 10
    # The first step of each layer above the lowest multiplies a state of zero there, which folds away.
    assert joined.macs == hoisted.macs - 2 * 4 * 32 * 32
    assert hoisted.macs == wave.first.macs
    module = Compilation(STACK, pipeline="front,decompose-cells").module()
    block = main_function(module).body.block
    assert (steps_of(block), products_of(block)) == (36, 72)


def test_the_text_has_the_remarks_and_the_figures(wave):
    text = str(wave)
    assert "wavefront-layers: 3 recurrences ('lstm0', 'lstm1', 'lstm2') run together" in text
    assert f"{wave.first.cycles:,} cycles became {wave.last.cycles:,}" in text
    assert "nothing to do for fold-constants" in text
    for entry in wave.entries:
        if entry.name in ("hoist-input-projection", "wavefront-layers"):
            assert f"{entry.facts.cycles:,}" in text


def test_what_the_schedule_gains(wave):
    unordered = cycles(
        PIPELINE.replace("back", "place-memory,tile-for-machine,lower-to-npu,allocate")
    )
    assert wave.unscheduled.cycles == unordered
    assert f"{wave.last.cycles:,} cycles, {unordered:,} in the order of the lowering" in str(wave)
    assert (
        explain(pipeline=PIPELINE.replace("back", "place-memory,lower-to-npu,allocate")).unscheduled
        is None
    )


def test_what_was_declined_is_told():
    pipeline = PIPELINE.replace("wavefront-layers", "wavefront-layers{max-layers=2}")
    (entry,) = (e for e in explain(pipeline=pipeline).entries if e.name == "wavefront-layers")
    assert entry.spec == "wavefront-layers{max-layers=2}"
    assert any("stays apart" in text for text in entry.remarks)


def test_python_access():
    program = rnncc.compile(STACK, DEEP, PIPELINE, explain=True)
    report = program.report["explain"]
    assert report == json.loads(json.dumps(report))
    assert report["last"]["cycles"] == program.run(None, values=False).cycles
    assert "explain" not in rnncc.compile(STACK, DEEP, PIPELINE).report


def test_a_second_explanation_is_the_same():
    compilation = Compilation(DIGITS, shapes={"x": (2, 8, 8)}, pipeline="baseline")
    assert compilation.explain().to_dict() == compilation.explain().to_dict()


def test_run_time_lengths_and_lengths_of_rows():
    language = SAMPLES / "language_model" / "model.onnx"
    shapes = {"tokens": (9, 1), "h0": (2, 1, 128), "c0": (2, 1, 128)}
    told = Compilation(language, shapes=shapes).explain()
    assert list(told.lengths.values()) == [9]
    assert not told.sampled
    text = "front,decompose-cells,batch-sequences{size=3 policy=pack},lower-lengths,dce,back"
    told = Compilation(recurrent_model("GRU", 16, 6), pipeline=text).explain()
    assert told.sampled
    assert "cycles on random inputs" in str(told)


def test_cycles_that_depend_on_data_on_inputs_of_ones_own():
    model = SAMPLES / "skip_rnn" / "model.onnx"
    pipeline = "front,recurrence,sink-updates,canonicalize,cse,dce,back"
    with np.load(SAMPLES / "skip_rnn" / "digit.npz") as archive:
        inputs = {"x": archive["x"]}
    told = Compilation(model, pipeline=pipeline).explain(inputs)
    assert told.sampled == "the inputs given"
    assert told.last is not None
    assert told.last.cycles == told.program.run(inputs, values=False).cycles
    other = Compilation(model, pipeline=pipeline).explain({"y": inputs["x"]})
    assert other.sampled == "random inputs"


def test_another_work_is_compared_with_itself():
    told = Compilation(
        SAMPLES / "language_model" / "model.onnx",
        generate=Generate(("logits:tokens", "hn:h0", "cn:c0"), max_tokens=4, max_prompt=3),
    ).explain()
    (renewed,) = (entry for entry in told.entries if entry.renewed)
    assert renewed.name == "generate-tokens"
    assert told.base == renewed.facts != told.first
    # The prompt of three at most, then as many as are generated.
    assert renewed.facts is not None
    assert renewed.facts.steps == 3 + 4
    assert "new work" in str(told)


def test_what_cannot_be_measured_says_why():
    text = "front,decompose-cells,fuse-gates,batch-sequences{size=40000},lower-lengths"
    model = recurrent_model("LSTM", 64, 4)
    recorded = Compilation(model, pipeline=f"{text},back")
    with pytest.raises(rnncc.errors.RnnccError):
        recorded.explain()
    assert recorded.recorder is not None
    (entry,) = (e for e in recorded.recorder.entries if e.name == "batch-sequences")
    assert entry.facts is None
    assert entry.why


def test_the_command(capsys, tmp_path):
    path = tmp_path / "d.rnx"
    arguments = ["compile", DIGITS, "--shape", "x=2,8,8", "-o", str(path), "--explain"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "the model as it is written" in text
    assert path.exists()
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert f"{told['last']['cycles']:,}" in text
    assert [entry["pass"] for entry in told["passes"]][:2] == [
        "fold-constants",
        "convert-onnx-to-rnn",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json"], "no effect without --explain"),
        (["--explain", "--emit", "asm"], "give --output FILE"),
        (["--explain", "--emit", "rnn", "-o", "x.mlir"], "stops before one"),
    ],
)
def test_options_that_do_not_go_together(capsys, options, message):
    assert main(["compile", DIGITS, "--shape", "x=2,8,8", *options]) == 1
    assert message in capsys.readouterr().err
