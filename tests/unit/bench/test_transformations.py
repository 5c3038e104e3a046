"""``rnncc bench transformations``: the rows, their floors, the table and the JSON."""

import argparse
import importlib
import json
import re
from dataclasses import replace
from functools import partial

import pytest

from rnncc.__main__ import main
from rnncc.bench import transformations as suite
from rnncc.bench.measure import Measured, measure
from rnncc.bench.models import recurrent_model
from rnncc.bench.transformations import GROUPS, generate, rows
from rnncc.bench.transformations.row import Row, compared, edited
from rnncc.errors import CapacityError, PassError
from rnncc.pipeline import parse


def test_halves_together_gain_on_edge():
    row = next(rows("directions", "edge"))  # Brainwave is full already: its steps are pipelined
    assert row.gain > 1
    assert row.after is not None
    assert row.after.bound <= row.after.cycles


def test_json_and_table_say_the_same(capsys, monkeypatch):
    monkeypatch.setattr(suite, "rows", lambda group, target: [Row("m", target, "p", SLOW, FAST)])
    arguments = ["bench", "transformations", "--rows", "directions,stack", "--target", "bw-s10"]
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)["rows"]
    assert err == ""
    assert len(found) == 2
    assert main(arguments) == 0
    table = capsys.readouterr().out
    for row in found:
        assert f"{row['with']['cycles_a_unit']:,.0f}" in table
        assert f"{row['gain']:.2f}x" in table
        assert row["gain"] == pytest.approx(
            row["without"]["cycles_a_unit"] / row["with"]["cycles_a_unit"]
        )


def test_the_wavefront_where_latency_binds():
    run = partial(measure, recurrent_model("LSTM", 32, 600, layers=4), "edge")
    wave = edited(add="wavefront-layers", before="lower-lengths")
    row = compared("m", "edge", "p", partial(run, "default"), partial(run, wave), floor=2.5)
    assert row.verdict == "ok"
    assert row.before is not None and row.before.binds in ("critical_path", "arrival")


@pytest.mark.parametrize("group", ["cells", "directions", "throughput", "skip"])
def test_each_group_holds_its_first_floor(group):
    row = next(iter(rows(group, "edge")))
    assert row.target == "edge"
    assert row.problem == ""
    assert row.verdict in ("ok", "")


FAST = Measured(100, 50, "macs", 1e9)
SLOW = Measured(190, 50, "macs", 1e9)


@pytest.mark.parametrize(
    ("floor", "verdict"),
    [(None, ""), (1.9, "ok"), (2.0, "missed"), (3.8, "missed"), (4.0, "bound")],
)
def test_verdicts(floor, verdict):
    row = Row("m", "edge", "p", SLOW, FAST, floor=floor)
    assert row.verdict == verdict
    assert replace(row, before=replace(SLOW, work=2.0)).gain == pytest.approx(0.95)


def test_a_missed_floor_is_status_1(monkeypatch, capsys):
    row = Row("m", "edge", "p", SLOW, FAST, floor=2.0)
    monkeypatch.setattr("rnncc.bench.transformations.rows", lambda group, target: [row])
    assert main(["bench", "transformations", "--rows", "cells", "--target", "edge"]) == 1
    assert "missed" in capsys.readouterr().out


def test_what_is_refused_is_said():
    def refused():
        raise CapacityError("too large")

    row = compared("m", "edge", "p", refused, lambda: FAST, floor=1.0)
    assert row.problem == "too large"
    assert row.cells()[3:7] == ["-"] * 4


def test_speculation_on_a_short_text(monkeypatch):
    for name, value in {"PROMPTS": 1, "WORDS": 40}.items():
        monkeypatch.setattr(generate, name, value)
    *_, row = rows("generate", "tpu-v1")
    assert row.verdict == "ok"
    assert re.search(r"\d+% of the guesses accepted, [\d.]+ tokens a turn", row.note)


def test_all_groups_are_modules_with_machines_of_their_own():
    assert all(callable(importlib.import_module(f"{suite.__name__}.{g}").rows) for g in GROUPS)
    args = argparse.Namespace(target=None)
    assert suite._targets(args, "generate") == [*suite.TARGETS, "tpu-v2"]
    assert suite._targets(args, "cells") == [*suite.TARGETS]
    assert suite._targets(argparse.Namespace(target="edge,edge"), "generate") == ["edge"]


def test_edited_pipelines():
    names = [p.name for p in parse(edited(drop="hoist-input-projection"))]
    assert "hoist-input-projection" not in names
    names = [p.name for p in parse(edited(add="wavefront-layers", before="lower-lengths"))]
    assert names.index("wavefront-layers") == names.index("lower-lengths") - 1
    names = [p.name for p in parse(edited(add="sink-updates", before="canonicalize", last=True))]
    assert names.index("sink-updates") > names.index("lower-lengths")
    with pytest.raises(PassError):
        edited(drop="no-such-pass")
    with pytest.raises(PassError):
        edited(add="cse", before="no-such-pass")
