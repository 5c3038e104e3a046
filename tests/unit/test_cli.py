"""The command line: what it prints, what it writes, and its messages for wrong input."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rnncc.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
DIGITS = str(ROOT / "samples" / "digits" / "model.onnx")
BATCH = str(ROOT / "samples" / "digits" / "heldout_batch.npz")
LANGUAGE = str(ROOT / "samples" / "language_model" / "model.onnx")


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def program(tmp_path: Path, capsys: pytest.CaptureFixture) -> str:
    path = str(tmp_path / "digits.rnx")
    assert main(["compile", DIGITS, "--shape", "x=4,8,8", "-o", path]) == 0
    assert "instructions for edge" in capsys.readouterr().out
    return path


def test_the_main_job(capsys):
    status, out, err = run(capsys, "run", DIGITS, "--input", BATCH, "--check")
    assert status == 0
    assert "measured" in out
    assert "(binds)" in out
    assert "check logits against ONNX Runtime" in out
    assert out.rstrip().endswith("ok")
    assert err == ""


def test_json_is_for_programs(capsys, tmp_path):
    outputs = tmp_path / "y.npz"
    status, out, _ = run(
        capsys, "run", DIGITS, "-i", BATCH, "--json", "--check", "-o", str(outputs)
    )
    report = json.loads(out)
    assert status == 0
    assert report["cycles"] >= report["bound"]["cycles"] > 0
    assert report["check"]["outputs"][0]["ok"]
    assert np.load(outputs)["logits"].shape == (16, 10)


def test_a_program_runs_without_its_model(capsys, program):
    status, out, err = run(capsys, "run", program)
    assert status == 0
    assert "random ones from seed 0" in err
    status, timing, err = run(capsys, "run", program, "--timing-only", "--json")
    assert status == 0
    assert err == ""
    assert f"{json.loads(timing)['cycles']:,}" in out


def test_extrapolation_changes_no_cycle(capsys):
    cycles = set()
    for option in ([], ["--no-extrapolation"]):
        _, out, _ = run(
            capsys,
            "run",
            LANGUAGE,
            "--timing-only",
            "--json",
            *option,
            "--shape",
            "tokens=40,1",
            "--shape",
            "h0=2,1,128",
            "--shape",
            "c0=2,1,128",
        )
        cycles.add(json.loads(out)["cycles"])
    assert len(cycles) == 1


def test_text_and_back(capsys, program, tmp_path):
    text, constants, again = (str(tmp_path / name) for name in ("a.s", "c.npz", "again.rnx"))
    assert main(["disasm", program, "-o", text, "--constants", constants]) == 0
    assert main(["asm", text, "--constants", constants, "-o", again]) == 0
    capsys.readouterr()
    main(["disasm", again])
    assert capsys.readouterr().out == Path(text).read_text()


@pytest.mark.parametrize("level", ["onnx", "rnn", "npu", "asm"])
def test_every_level_prints(capsys, level):
    status, out, _ = run(capsys, "compile", DIGITS, "--shape", "x=4,8,8", "--emit", level)
    assert status == 0
    assert {"onnx": "onnx.GRU", "rnn": "rnn.scan", "npu": "npu.mm", "asm": "endloop"}[level] in out


def test_verify_runs_several_lengths(capsys):
    status, out, _ = run(
        capsys,
        "verify",
        LANGUAGE,
        "--trials",
        "2",
        "--shape",
        "tokens=9,2",
        "--shape",
        "h0=2,2,128",
        "--shape",
        "c0=2,2,128",
    )
    assert status == 0
    assert "trial 0 time=9" in out
    assert "all right" in out


def test_verify_each_and_times_go_to_standard_error(capsys, tmp_path):
    status, _, err = run(
        capsys,
        "compile",
        DIGITS,
        "--shape",
        "x=2,8,8",
        "--verify-each",
        "--time-passes",
        "--print-after",
        "fuse-gates",
        "-o",
        str(tmp_path / "d.rnx"),
    )
    assert status == 0
    assert "ms  decompose-cells" in err
    assert "// IR after fuse-gates" in err


@pytest.mark.parametrize(
    "arguments",
    [["targets"], ["targets", "tpu-v1"], ["passes"], ["passes", "schedule"], ["bench"]],
)
def test_lists(capsys, arguments):
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert out


WRONG = [
    (["run", "nothere.onnx"], "nothere.onnx: no such file"),
    (["run", str(ROOT)], "is a folder"),
    (["run", __file__], "is not an ONNX model"),
    (["run", DIGITS], "--shape x="),
    (["run", DIGITS, "--shape", "x=4,8"], "x"),
    (["run", DIGITS, "--shape", "x=4,eight,8"], "not a list of whole numbers"),
    (["run", DIGITS, "--shape", "x=0,8,8"], "at least 1"),
    (["run", DIGITS, "--shape", "y=4,8,8"], "y"),
    (["run", DIGITS, "--shape", "x=4,8,8", "--target", "edgee"], "did you mean 'edge'?"),
    (["run", DIGITS, "--shape", "x=4,8,8", "-p", "default,schedul"], "did you mean 'schedule'?"),
    (["run", DIGITS, "--shape", "x=4,8,8", "-p", "schedule{polcy=none}"], "did you mean 'policy'?"),
    (["run", DIGITS, "--shape", "x=4,8,8", "-p", "front"], "the pipeline ends above the machine"),
    (
        ["run", DIGITS, "--shape", "x=4,8,8", "--print-after", "fuse-gate"],
        "did you mean 'fuse-gates'?",
    ),
    (["run", DIGITS, "--shape", "x=4,8,8", "--length", "T=3"], "no length 'T'"),
    (["run", DIGITS, "--input", DIGITS], "not an .npz file"),
    (["run", DIGITS, "--shape", "x=4,8,8", "--check", "--timing-only"], "--check needs"),
    (["run", DIGITS, "--bind", "x=oops"], "expected NAME=VALUE"),
    (["run", DIGITS, "--timing-only", "--output", "y.npz"], "--output needs values"),
    (["run", DIGITS, "--shape", "x=4,8,8", "--vocabulary", "w.txt"], "needs --generate"),
    (["verify", DIGITS, "--input", "x.npz", "--trials", "2"], "--input gives others"),
    (["verify", DIGITS, "--shape", "x=4,8,8", "--trials", "0"], "at least 1"),
    (["passes", "unrol"], "unknown pass 'unrol'"),
    (["run", DIGITS, "--shape", "x=4,8,8", "-p", "quantize,default"], "after decompose-cells"),
    (["passes", "qqqq"], "`rnncc passes` lists them"),
    (["opt", DIGITS, "-p", "qqqq"], "`rnncc passes` lists them"),
    (["compile", DIGITS, "--shape", "x=4,8,8", "-o", "nothere/a.rnx"], "no folder 'nothere'"),
    (["targets", "nothere.toml"], "nothere.toml"),
    (["disasm", DIGITS], "model.onnx"),
    (["bench", "transformation"], "did you mean 'transformations'?"),
    (["bench", "transformations", "--rows", "cells,stak"], "did you mean 'stack'?"),
    (["bench", "transformations", "--target", "edge,bw-s1"], "did you mean 'bw-s10'?"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), WRONG, ids=[" ".join(a[-2:])[-40:] for a, _ in WRONG]
)
def test_wrong_input_gets_one_clear_error(capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert status == 1
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert "Traceback" not in err


def test_options_of_compilation_do_not_apply_to_a_program(capsys, program):
    status, _, err = run(capsys, "run", program, "--target", "tpu-v1")
    assert status == 1
    assert "compiled already" in err


def test_a_program_becomes_text_and_is_assembled_again(capsys, program, tmp_path):
    arrays, text, again = (str(tmp_path / name) for name in ("c.npz", "m.s", "again.rnx"))
    assert run(capsys, "disasm", program, "--constants", arrays, "-o", text)[0] == 0
    assert "--constants" in run(capsys, "asm", text, "-o", again)[2]
    assert run(capsys, "asm", text, "--constants", arrays, "-o", again)[0] == 0
    assert run(capsys, "disasm", again)[1] == Path(text).read_text()


def test_zero_is_a_value_of_an_option(capsys, program):
    status, _, err = run(capsys, "run", program, "--top-k", "0")
    assert status == 1
    assert "--top-k has no effect" in err


def test_what_calibration_measured_is_said_beside_assembler_text(capsys, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones((4, 8, 8), np.float32))
    how = ["--emit", "asm", "--calibration", str(tmp_path / "x.npz")]
    status, out, err = run(capsys, "compile", DIGITS, *how)
    assert status == 0
    assert "calibration on 1 run" in err
    assert "calibration on 1 run" not in out


def test_a_bound_number_reaches_the_reference_in_its_own_type(capsys, tmp_path):
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in ("x", "y")]
    scale = helper.make_tensor_value_info("s", TensorProto.FLOAT, [])
    node = helper.make_node("Mul", ["x", "s"], ["y"])
    graph = helper.make_graph([node], "scaled", [ports[0], scale], [ports[1]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    status, out, err = run(capsys, "verify", str(tmp_path / "m.onnx"), "--bind", "s=1.5")
    assert status == 0, out
    assert "(ONNX Runtime)" in out and "note" not in err


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("z", np.zeros((4, 8, 8), np.float32), "no input 'z'"),
        ("x", np.zeros((4, 8), np.float32), "expected 'x' float32[4, 8, 8]"),
        ("x", np.zeros((4, 8, 8)), ".astype('float32')"),
    ],
)
def test_inputs_are_checked(capsys, program, tmp_path, name, array, message):
    path = tmp_path / "in.npz"
    np.savez(path, **{name: array})
    status, _, err = run(capsys, "run", program, "--input", str(path))
    assert status == 1
    assert message in err


def test_what_a_generator_cannot_take(capsys, tmp_path):
    model = str(Path(DIGITS).parents[1] / "language_model/model.onnx")
    how = ["run", model, "--generate", "logits:tokens,hn:h0,cn:c0", "--max-prompt", "1"]
    assert run(capsys, *how, "--prompt", "3 4")[2].endswith("a larger --max-prompt\n")
    words = tmp_path / "words.txt"
    words.write_text("a\nb\na\n")
    got = run(capsys, *how, "--vocabulary", str(words), "--prompt", "a")
    assert "'a' is there twice, on lines 1 and 3" in got[2]


def test_a_page_of_a_program_that_does_not_generate(capsys, program):
    assert "does not generate" in run(capsys, "report", program, "--prompt", "3")[2]


def test_a_page_of_a_batch_needs_no_inputs(capsys, tmp_path):
    page = tmp_path / "r.html"
    model = str(Path(DIGITS).parents[1] / "language_model/model.onnx")
    shapes = ["--shape", "tokens=3,1", "--shape", "h0=2,1,128", "--shape", "c0=2,1,128"]
    got = run(
        capsys, "report", model, *shapes, "-p", "throughput{size=2 policy=pack}", "-o", str(page)
    )
    assert got[0] == 0, got[2]
    assert "random ones from seed 0" in got[2] and page.stat().st_size


def test_a_failed_compile_leaves_no_file(capsys, tmp_path):
    path = tmp_path / "d.rnx"
    assert main(["compile", DIGITS, "--shape", "x=4,8,8", "-p", "front", "-o", str(path)]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["run", "x.onnx", "--shap", "x=1"], "did you mean '--shape'?"),
        (["run"], "required"),
        (["compile", "x.onnx", "--emit", "elf"], "invalid choice"),
        (["bench", "transformations", "--row", "stack"], "did you mean '--rows'?"),
    ],
)
def test_wrong_usage_is_status_2(arguments, message):
    done = subprocess.run(
        [sys.executable, "-m", "rnncc", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert message in done.stderr


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from rnncc.__main__ import main; main(['--help']);"
        "heavy = {'xdsl', 'onnx', 'numpy', 'rich'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "compile" in done.stdout
