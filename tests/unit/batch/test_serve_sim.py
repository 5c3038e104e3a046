"""serve-sim: policies against a hand-made cost table, and the command with right and wrong input."""

import json

import numpy as np
import onnx
import pytest

import rnncc
from rnncc.__main__ import main
from rnncc.errors import InputError
from rnncc.serving.arrivals import Request, poisson, read_trace
from rnncc.serving.costs import PolicyCosts, StepCosts, measure
from rnncc.serving.policies import serve
from tests.unit.batch.models import cell_model

FLAT = PolicyCosts({4: StepCosts((1, 4), (1.0, 1.0), (0.0, 0.0))}, 1.0, 10)
"""A step takes a second whatever the batch: weights bind."""
LINEAR = PolicyCosts({4: StepCosts((1, 4), (1.0, 4.0), (0.0, 0.0))}, 1.0, 10)
"""A second a row: MACs bind."""


def test_pad_answers_all_when_the_longest_is_done():
    served = serve("pad", [Request(0, 2), Request(0, 5)], LINEAR, 4)
    assert served.latencies == [10, 10]


def test_pack_answers_each_at_its_end_and_shrinks():
    served = serve("pack", [Request(0, 2), Request(0, 5)], LINEAR, 4)
    assert served.latencies == [4, 7]
    assert (served.steps, served.rows) == (5, 7)


def test_cellular_lets_requests_join_a_running_batch():
    trace = [Request(0, 6), Request(2, 1)]
    assert serve("pack", trace, FLAT, 4).latencies == [6, 5]
    assert serve("cellular", trace, FLAT, 4).latencies == [6, 1]


def test_cellular_waits_for_a_free_slot():
    served = serve("cellular", [Request(0, 3), Request(0, 3), Request(1, 1)], FLAT, 2)
    assert served.latencies == [3, 3, 3]


@pytest.mark.parametrize("policy", ["pad", "pack", "cellular"])
def test_every_request_is_answered_after_its_own_steps(policy):
    trace = poisson(0.3, 200, 10, 1, seed=1)
    served = serve(policy, trace, FLAT, 4)
    assert all(t >= r.length - 1e-9 for t, r in zip(served.latencies, trace, strict=True))
    assert sum(r.length for r in trace) <= served.rows
    if policy != "pad":
        assert sum(r.length for r in trace) == served.rows


def test_costs_between_measured_sizes():
    assert [LINEAR.program(4).step(n) for n in (1, 2, 3, 4)] == [1, 2, 3, 4]
    programs = {2: LINEAR.program(2), 8: FLAT.program(8)}
    costs = PolicyCosts(programs, 1.0, 10)
    assert [costs.program(n) is programs[8] for n in (1, 2, 3, 8)] == [False, False, True, True]


def test_poisson_is_seeded_and_has_its_rate():
    trace = poisson(100.0, 4000, 10, 1, seed=3)
    assert trace == poisson(100.0, 4000, 10, 1, seed=3)
    assert 3600 < 4000 / trace[-1].arrival * 40 < 4400


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("serve") / "m.onnx"
    onnx.save(cell_model("LSTM"), path)
    return str(path)


def test_the_command(model, capsys):
    options = ["--rate", "1e6", "--requests", "50", "--slots", "4", "--max-length", "20"]
    assert main(["serve-sim", model, *options]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("pad", "pack", "cellular", "requests/s", "p99"))
    assert main(["serve-sim", model, *options, "--json", "--policies", "pack"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["policies"]) == ["pack"]
    figures = document["policies"]["pack"]
    assert figures["p50"] <= figures["p95"] <= figures["p99"]
    assert list(document["step_cycles"]["pack"]) == ["1", "2", "4"]


def test_a_trace(model, capsys, tmp_path):
    trace = tmp_path / "t.csv"
    trace.write_text("arrival,length\n0,5\n0.001,20\n")
    assert (
        main(["serve-sim", model, "--trace", str(trace), "--max-length", "20", "--slots", "2"]) == 0
    )
    assert "2 requests" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --rate R, or --trace FILE"),
        (["--rate", "0"], "above zero"),
        (["--rate", "nan"], "above zero"),
        (["--rate", "5", "--requests", "0"], "at least 1"),
        (["--rate", "5", "--min-length", "30", "--max-length", "20"], "lengths from 30 to 20"),
        (["--rate", "5", "--slots", "0"], "outside 1..4096"),
        (["--rate", "5", "--policies", "pad,pak"], "did you mean 'pack'"),
        (["--rate", "5", "--policies", "pad,pad"], "named twice"),
        (["--rate", "5", "--max-length", "2"], "at least 4"),
        (["--rate", "5", "--target", "egde"], "edge"),
        (["--trace", "missing.csv"], "no such file"),
    ],
)
def test_wrong_options(model, options, message, capsys):
    small = [] if "--max-length" in options else ["--max-length", "8"]
    slots = [] if "--slots" in options else ["--slots", "1"]
    assert main(["serve-sim", model, *options, *small, *slots]) == 1
    assert message in capsys.readouterr().err


def test_rate_and_trace_exclude_one_another(model, capsys, tmp_path):
    trace = tmp_path / "t.csv"
    trace.write_text("0,5\n")
    assert main(["serve-sim", model, "--trace", str(trace), "--rate", "5"]) == 1
    assert "--rate has no effect" in capsys.readouterr().err


def test_a_model_without_a_free_time(capsys, tmp_path):
    path = tmp_path / "fixed.onnx"
    onnx.save(cell_model("LSTM", steps=5), path)
    assert main(["serve-sim", str(path), "--rate", "5", "--slots", "1"]) == 1
    assert "free dimension of time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no requests"),
        ("arrival,length\n", "no requests"),
        ("0,5\nsoon,3\n", "line 2: 'soon,3'"),
        ("0,5,9\n", "line 1"),
        ("0,five\n", "line 1"),
        ("-1,5\n", "at least 0"),
        ("inf,5\n", "at least 0"),
        ("0,0\n", "outside 1..10"),
        ("0,11\n", "outside 1..10"),
        ("1,5\n0,5\n", "before the line above"),
        ("\x00\x01\xff", "no requests"),
    ],
)
def test_wrong_traces(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_trace(path, 10)


@pytest.mark.parametrize("policy", ["pad", "pack", "cellular"])
def test_the_replay_agrees_with_a_run_of_the_policy_s_own_program(tmp_path, policy):
    """All requests are there at once: as many as there are slots, or three times as many for cellular."""
    path, slots, times = tmp_path / "m.onnx", 4, 3 if policy == "cellular" else 1
    onnx.save(cell_model("LSTM", features=64, hidden=64), path)
    costs = measure(path, "edge", slots, policy, {"x": (160, 1, 64)})
    more = {"pad": "ragged=true", "pack": "", "cellular": f"requests={slots * times}"}[policy]
    program = rnncc.compile(
        path, shapes={"x": (160, 1, 64)}, pipeline=f"throughput{{size=4 policy={policy} {more}}}"
    )

    def both(lengths: list[int]) -> tuple[float, float]:
        served = serve(policy, [Request(0, n) for n in lengths], costs, slots)
        x = np.zeros((max(lengths), len(lengths), 64), np.float32)
        result = program.run({"x": x, "lengths": np.array(lengths, np.int32)}, values=False)
        return served.seconds * costs.clock_hz, result.cycles or 0

    # The replay leaves out the loading of weights, which is in both runs of the program.
    long, short = both([60, 17, 42, 30] * times), both([1] * slots * times)
    assert long[0] - short[0] == pytest.approx(long[1] - short[1], rel=0.1)
