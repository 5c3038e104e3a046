"""``rnncc bench fill``: rows that end where the array is busy, and the table."""

import json
from dataclasses import replace

import pytest

from rnncc.__main__ import main
from rnncc.bench import fill
from rnncc.bench.fill import FillRow, layer_rows, measured, pipeline, sequence_rows


def test_more_sequences_fill_the_array():
    rows = list(sequence_rows("bw-s10", "GRU", 400, 20, (1, 4)))
    assert [row.sequences for row in rows] == [1, 4]
    first, last = rows
    assert first.bound <= first.cycles and last.bound <= last.cycles
    assert last.per_step < first.per_step / 1.5
    assert last.share > 1.5 * first.share
    assert last.array >= last.share


def test_padding_keeps_an_array_busy_below_its_peak():
    """410 outputs and inputs are four native tiles of 400, of which a good fourth is used."""
    row = measured("bw-s10", FillRow("RNN", 410, 12, sequences=4))
    assert 0 < row.share < 0.5 * row.array


def test_layers():
    rows = list(layer_rows("bw-s10", "RNN", 400, 12, (1, 2)))
    assert [row.layers for row in rows] == [1, 2]
    assert all(row.cycles and row.bound <= row.cycles for row in rows)


@pytest.fixture
def shares(monkeypatch):
    """Rows of given (share, array, cycles a step of all), instead of measured ones."""

    def give(*figures):
        left = iter(figures)

        def made(target, row):
            share, array, cycles = next(left)
            work = row.steps * row.sequences
            return replace(row, cycles=cycles * work, share=share, array=array, binds="macs")

        monkeypatch.setattr(fill, "measured", made)
        return [row.sequences for row in sequence_rows("m", "GRU", 8, 10)]

    return give


def test_rows_end_at_the_peak_or_where_more_gains_nothing(shares):
    assert shares((0.3, 0.5, 100), (0.95, 0.99, 50)) == [1, 2]
    assert shares((0.3, 0.5, 100), (0.7, 0.95, 50), (0.7, 0.96, 49.9)) == [1, 2, 4]
    # Not yet busy: a row that gains nothing is not the last.
    assert shares((0.3, 0.5, 100), (0.3, 0.5, 100), (0.9, 0.9, 90)) == [1, 2, 4]


def test_what_does_not_fit_ends_the_rows_with_its_reason():
    rows = list(sequence_rows("bw-s5", "LSTM", 400, 4, (1, 4096, 8192)))
    assert [row.sequences for row in rows] == [1, 4096]
    assert rows[-1].problem and not rows[-1].cycles


def test_weights_stay_on_chip_between_runs():
    texts = pipeline(FillRow("GRU", 400, 20, sequences=8)).split(",")
    assert texts.index("persist-weights") + 1 == texts.index("schedule")
    assert "batch-sequences{size=8 policy=pad}" in texts


def test_table_and_json(monkeypatch, capsys):
    row = FillRow("GRU", 400, 20, 2, 1, 4000, 3900, "passes", 0.25, 0.5)
    bad = FillRow("GRU", 400, 20, 4, problem="it is too large")
    monkeypatch.setattr(fill, "sequence_rows", lambda *_: iter([row, bad]))
    monkeypatch.setattr(fill, "layer_rows", lambda *_: iter([]))
    assert main(["bench", "fill"]) == 0
    table = capsys.readouterr().out
    assert "4,000" in table and "25%" in table and "98%" in table and "it is too large" in table
    assert main(["bench", "fill", "--json", "-t", "bw-a10"]) == 0
    found = json.loads(capsys.readouterr().out)["bw-a10"]
    assert found[0]["cycles_a_step"] == pytest.approx(100)
    assert found[0]["of_bound"] == pytest.approx(0.975)


def test_an_unknown_machine_is_refused(capsys):
    assert main(["bench", "fill", "-t", "bw-s1"]) == 1
    assert "bw-s1" in capsys.readouterr().err
