"""The machines against published measurements: one parameter set a machine, floors that hold for every row."""

import json
from math import ceil

import pytest

import rnncc
from rnncc.__main__ import main
from rnncc.bench.silicon import models
from rnncc.bench.silicon.published import (
    APPLICATIONS,
    LAYERS,
    MILLISECONDS,
    PREDICTED,
    PREDICTED_APPLICATIONS,
    SHARES,
)
from rnncc.bench.silicon.rows import geometric_mean, layer_rows, measure_application
from rnncc.machine import load_machine
from rnncc.simulator import simulate

FLOORS = {"bw-s10": 0.10, "v100": 0.30, "plasticine-rnn": 0.30}
"""Relative error of the latency that no row may exceed."""
SMALL = 1 << 21
"""Weights of a gate up to which a row is in this test."""


def chosen(target):
    """The rows of a machine but the largest GRUs, which only cost time: others of their kind are here."""
    rows = [layer for layer in MILLISECONDS[target] if layer[1] ** 2 <= SMALL]
    return [row for row in rows if not (target == "bw-s10" and row[2] == 1)]


@pytest.mark.parametrize("target", sorted(FLOORS))
def test_published_latencies(target):
    for row in layer_rows(target, chosen(target)):
        assert row.error is not None
        assert abs(row.error) <= FLOORS[target], row
        assert row.bound <= row.cycles


def test_the_largest_layer_of_brainwave():
    # Native tiles of 400: 2816 is 8 of them, so that padding binds where it was not measured.
    (row,) = layer_rows("bw-s10", [("GRU", 2816, 750)])
    assert row.error is not None and abs(row.error) <= 0.10


def test_a_step_costs_the_same_whatever_its_size():
    steps = {
        row.hidden: row.step
        for row in layer_rows("bw-s10", [("GRU", 512, 375), ("GRU", 1536, 375)])
    }
    assert steps[1536] < 1.1 * steps[512]


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda a: a.name)
def test_the_tpu_papers_applications(application):
    row = measure_application(application)
    assert row.error is not None and abs(row.error) <= 0.12
    assert sum(row.shares[name] for name in SHARES) == pytest.approx(100)
    if application.name != "cnn0":
        assert row.share_error is not None and row.share_error <= 6


@pytest.mark.parametrize("application", PREDICTED_APPLICATIONS, ids=lambda a: a.name)
def test_applications_that_are_predicted(application):
    row = measure_application(application)
    assert row.predicted and row.error is not None and abs(row.error) <= 0.30
    assert row.share_error is not None and row.share_error <= 10


@pytest.mark.parametrize(
    ("name", "millions", "padding", "tiles"),
    [("mlp0", 20, 0.3 / 12.5, 312), ("mlp1", 5, 1.2 / 9.4, 86), ("lstm0", 52, 0, 792), ("lstm1", 34, 4.2 / 6.3, 864)],
)  # fmt: skip
def test_padding_is_that_of_the_papers_counters(name, millions, padding, tiles):
    model = getattr(models, name)()
    matrices = [[size for size in w.dims if size > 1] for w in model.graph.initializer]
    matrices = [sizes for sizes in matrices if len(sizes) == 2]
    weights, _ = models.weights_and_batch(name)
    assert weights == sum(n * k for n, k in matrices)
    assert weights / 1e6 == pytest.approx(millions, abs=0.6)
    assert tiles == sum(ceil(n / 256) * ceil(k / 256) for n, k in matrices)
    assert tiles * 65536 / weights - 1 == pytest.approx(padding, abs=0.03)


def test_each_matrix_of_lstm1_is_nine_tiles(monkeypatch):
    monkeypatch.setattr(models, "LSTM1_SIZES", (600,))
    timing = simulate(rnncc.compile(models.lstm1(), "tpu-v1", "tpu"), None, values=False).timing
    assert timing is not None and timing.counters.written["wmem"] == 8 * 9 * 65536


def test_machines_smaller_than_published_ones_run_too():
    for target in ("bw-a10", "bw-s5", "ipu-gc2"):
        (row,) = layer_rows(target, [("GRU", 512, 1)])
        assert row.error is None and row.bound <= row.cycles
    # A step of the smaller boards takes as many cycles, at the lower clock.
    assert load_machine("bw-s5").vector.pass_cycles == load_machine("bw-s10").vector.pass_cycles


def test_a_matrix_that_nearly_fits_streams_its_rest():
    # BW_S5 holds some gates of this layer whole, and of one all but its last rows.
    (row,) = layer_rows("bw-s5", [("LSTM", 1536, 25)])
    assert row.bound <= row.cycles and row.binds in ("weights", "arrival", "transfers")


def test_predicted_rows_of_brainwave():
    rows = [layer for layer in PREDICTED["bw-s10"] if layer[1] < 1600]
    assert all(abs(row.error or 1) <= 0.10 and row.predicted for row in layer_rows("bw-s10", rows))


def test_no_row_is_known_and_predicted():
    for target, rows in PREDICTED.items():
        assert not rows.keys() & MILLISECONDS[target].keys() and rows.keys() <= set(LAYERS)


def test_applications_on_other_machines(capsys):
    assert main(["bench", "tpu-paper", "--target", " ,"]) == 1
    assert "no machine in the list" in capsys.readouterr().err
    row = measure_application(APPLICATIONS[0], "edge")
    assert row.error is None and row.share_error is None and row.tops > 0


def test_every_layer_is_listed_once():
    assert len(LAYERS) == len(set(LAYERS)) == 23
    assert all(layer in LAYERS for rows in MILLISECONDS.values() for layer in rows)


def test_geometric_mean():
    assert geometric_mean([]) == 1
    assert geometric_mean([0.21, 1 / 1.21 - 1]) == pytest.approx(1.21)


def test_command_line(capsys, monkeypatch):
    from rnncc.bench.silicon import published

    known, predicted = {("LSTM", 256, 150): 0.425}, {("LSTM", 256, 25): 0.08}
    monkeypatch.setitem(published.MILLISECONDS, "bw-s10", known)
    monkeypatch.setitem(published.PREDICTED, "bw-s10", predicted)
    arguments = ["bench", "deepbench", "--published", "--target", "bw-s10"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["bw-s10"]
    assert found["pipeline"] == "brainwave" and len(found["rows"]) == 2
    short, long = sorted(found["rows"], key=lambda row: row["steps"])
    assert short["predicted"] and not long["predicted"]
    assert found["geometric_mean"] == pytest.approx(1 + abs(long["error"]), rel=0.01)
    assert found["geometric_mean_predicted"] == pytest.approx(1 + abs(short["error"]), rel=0.1)
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "LSTM 256" in out and "0.425" in out and "geometric mean" in out and "0.08*" in out
    assert main(["bench", "deepbench", "--target", "bw-s1"]) == 1
    assert "bw-s10" in capsys.readouterr().err
