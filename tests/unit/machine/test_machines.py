"""The built-in machines: published figures, sources for every number, and how they are shown."""

import dataclasses
import tomllib

import pytest

from rnncc.errors import MachineError
from rnncc.machine import load_machine, machine_names, parse_machine
from rnncc.machine.draw import draw
from rnncc.machine.dump import dump_machine
from rnncc.machine.formats import FORMATS
from rnncc.machine.origins import unsourced
from rnncc.machine.show import describe, ridge_point, sources, summary


@pytest.mark.parametrize("name", machine_names())
def test_every_machine(name):
    machine = load_machine(name)
    machine.validate()
    assert machine.name == name
    assert unsourced(machine) == []
    assert all(
        key in machine.sources or key.rsplit(".", 1)[0] in machine.sources
        for key in machine.calibrated
    )
    assert parse_machine(dump_machine(machine)) == machine
    text = describe(machine)
    assert machine.title in text and "peak" in text and "ridge" in text
    assert max(map(len, text.splitlines())) <= 120
    assert "\n" not in summary(machine) and name in summary(machine)


def test_brainwave_as_published():
    machine = load_machine("bw-s10")
    assert machine.matrix.macs_per_cycle == 96_000
    assert 2 * machine.peak_macs_per_cycle * machine.clock_hz == pytest.approx(48e12)
    assert machine.native_bytes("wmem") == pytest.approx((1 + 2 + 5 / 400) / 8)
    # The largest DeepBench layer, GRU 2816, stays on chip.
    assert 6 * 2816 * 2816 * machine.native_bytes("wmem") < machine.memories.wmem.size
    assert machine.capacity("wmem", 4) > 6 * 2816 * 2816 * 4


def test_tpu_as_published():
    machine = load_machine("tpu-v1")
    assert 2 * machine.matrix.macs_per_cycle * machine.clock_hz == pytest.approx(92e12, rel=0.01)
    assert machine.dram_bytes_per_cycle * machine.clock_hz == pytest.approx(34e9, rel=1e-3)
    assert 65536 / machine.dram_bytes_per_cycle == pytest.approx(1349, abs=1)
    assert machine.memories.wmem.size == 4 * 65536
    assert (
        machine.matrix.rate("int8", "int16") == 0.5
        and machine.matrix.rate("int16", "int16") == 0.25
    )
    assert machine.matrix.rate("int8", "fp32") is None


def test_only_the_first_tpu_moves_whole_tiles_of_weights():
    found = {name for name in machine_names() if load_machine(name).dma.whole_weight_tiles}
    assert found == {"tpu-v1", "tpu-v1-int8"}
    machine = load_machine("tpu-v1")
    assert "weights as whole tiles" in describe(machine)
    assert "tiles of 64 KiB" in machine.sources["dma.whole_weight_tiles"]


@pytest.mark.parametrize(
    ("name", "tflops"),
    [("bw-s5", 2.4), ("bw-a10", 9.8), ("tpu-v1-int8", 92), ("tpu-v2", 46), ("tpu-v3", 123),
     ("v100", 125), ("ipu-gc2", 124.5), ("plasticine-rnn", 49)],
)  # fmt: skip
def test_peaks_as_published(name, tflops):
    machine = load_machine(name)
    assert 2 * machine.peak_macs_per_cycle * machine.clock_hz / 1e12 == pytest.approx(tflops, 0.01)


def test_the_drawing():
    text = draw(load_machine("tpu-v1"))
    for part in ("-- dram --", "-- wmem --", "-- vmem --", "-- host --", "systolic 1 x 256 x 256", "34 GB/s",
                 "15.03 GB/s", "local copies apart", "whole weight tiles", "hand over whole results"):  # fmt: skip
        assert part in text
    assert "host" not in draw(load_machine("edge"))
    assert "barriers of 250 cycles, exchange at 8 TB/s" in draw(load_machine("ipu-gc2"))
    assert "a pass of 86 cycles" in draw(load_machine("bw-s10"))
    assert "a cache" in draw(load_machine("v100"))
    # Nothing is cut off: every box closes where it opens.
    for name in machine_names():
        lines = draw(load_machine(name)).splitlines()
        assert max(map(len, lines)) < 116
        assert all(line.count("|") % 2 == 0 for line in lines if line.count("| ") > 2)


def test_ways_between_boxes_are_whole():
    lines = draw(load_machine("v100")).splitlines()
    ends = next(n for n, line in enumerate(lines) if line.endswith("--+") and n > 0)
    begins = next(n for n, line in enumerate(lines) if "-- vector" in line)
    column = lines[begins - 1].rindex("|")
    assert all(line[column] == "|" for line in lines[ends + 1 : begins])
    assert next(line for line in lines if "16 GiB" in line).startswith("| 16 GiB             |")


def test_what_was_calibrated_is_shown_with_what_on():
    assert "sync.cycles: calibrated on LSTM 256 x 150 alone" in " ".join(
        describe(load_machine("v100")).split()
    )
    assert "without a source" not in describe(load_machine("v100"))


@pytest.mark.parametrize("name", machine_names())
def test_every_number_is_listed_with_its_source(name):
    text = sources(load_machine(name))
    assert "no source" not in text
    assert "clock_hz" in text and "control.queue_depth.vector" in text
    marked = [line for line in text.splitlines() if "(calibrated)" in line]
    assert bool(marked) == bool(load_machine(name).calibrated)


def test_numbers_of_ones_own_without_a_source_are_named(tmp_path):
    (tmp_path / "m.toml").write_text('name = "m"\ninherits = "edge"\n[matrix]\nrows = 32\n')
    assert "without a source of their own: matrix.rows" in describe(
        load_machine(tmp_path / "m.toml")
    )


def test_peaks_of_other_formats_are_shown():
    text = describe(load_machine("tpu-v1"))
    assert "in int8: peak 91.75 TOP/s, ridge 1,349.3 MACs a byte" in text


def test_edge_scale_and_ridge():
    machine = load_machine("edge")
    assert machine.scale(4) == {"dram": 1, "wmem": 2, "vmem": 1}
    assert machine.scale(2) == {"dram": 1, "wmem": 1, "vmem": 1}
    assert machine.capacity("wmem", 4) == 8 << 20
    assert ridge_point(machine) == pytest.approx(160)
    assert machine.seconds(1e9) == 1.0


def test_validate_speaks_of_descriptions_made_in_python():
    edge = load_machine("edge")
    broken = dataclasses.replace(edge, dma=dataclasses.replace(edge.dma, bytes_per_cycle=0.0))
    with pytest.raises(
        MachineError, match=r"machine 'edge': dma.bytes_per_cycle: must not be zero"
    ):
        broken.validate()


def test_dump_escapes():
    edge = dataclasses.replace(
        load_machine("edge"), title='a "quoted" title \\ é 𝄞', source="two\n\tlines"
    )
    assert parse_machine(dump_machine(edge)) == edge
    strange = dataclasses.replace(edge, title="\x7f\x1b[31m")
    assert tomllib.loads(dump_machine(strange))["title"] == strange.title


def test_memories_and_queues_by_name():
    edge = load_machine("edge")
    assert edge.memories["vmem"].size == 1 << 20 and edge.control.queue_depth["dma"] == 8
    with pytest.raises(KeyError):
        edge.memories["cache"]
    with pytest.raises(KeyError):
        edge.control.queue_depth["control"]


def test_block_formats_share_their_exponent():
    assert FORMATS["bfp-1s5e2m"].bytes_per_element(128) == pytest.approx((3 + 5 / 128) / 8)
    assert FORMATS["int8"].bytes_per_element(128) == 1
