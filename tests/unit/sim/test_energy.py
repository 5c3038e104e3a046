"""Energy: the published points come out at the base process, and a run's parts add up."""

from dataclasses import replace

import numpy as np
import onnx
import onnx.parser
import pytest

import rnncc
from rnncc.cost.energy import byte_pj, logic_scale, mac_pj, multiply_pj
from rnncc.errors import MachineError
from rnncc.machine import load_machine
from rnncc.machine.energy import Energy
from tests.benchmarks.models import recurrent_model


def base(name="edge"):
    """A machine of Horowitz's process."""
    return replace(load_machine(name), energy=Energy(45, 0.9, 160))


@pytest.mark.parametrize(
    ("formats", "published"),
    [("int8", 0.2), ("int32", 3.1), ("fp16", 1.1), ("fp32", 3.7)],
)
def test_multipliers_as_published(formats, published):
    assert multiply_pj(formats, formats) == pytest.approx(published, rel=0.05)


@pytest.mark.parametrize(("size", "published"), [(8, 10), (32, 20), (1024, 100)])
def test_memories_as_published(size, published):
    machine = base()
    one_bank = replace(machine.memories.vmem, size=size << 10, bytes_per_cycle=8)
    machine = replace(machine, memories=replace(machine.memories, vmem=one_bank))
    assert 8 * byte_pj(machine, "vmem") == pytest.approx(published, rel=0.15)


def test_narrow_formats_take_less():
    pairs = (
        ("bfp-1s5e2m", "fp16"),
        ("int8", "int8"),
        ("int8", "int16"),
        ("bf16", "bf16"),
        ("bf16", "fp32"),
        ("fp32", "fp32"),
    )
    order = [multiply_pj(a, b) for a, b in pairs]
    assert order == sorted(order)


def test_silicon_scales_the_logic_but_not_the_dram():
    old, new = base(), replace(base(), energy=Energy(22.5, 0.45, 160))
    assert logic_scale(new) == pytest.approx(1 / 8)
    assert mac_pj(new) == pytest.approx(mac_pj(old) / 8)
    assert byte_pj(new, "dram") == byte_pj(old, "dram") == 160


def test_parts_of_a_run():
    program = rnncc.compile(recurrent_model("GRU", 64, 20), target="edge")
    result = program.run(None, values=False)
    figures = result.report.to_dict()["energy"]
    assert result.cycles is not None
    machine, counters = program.machine, result.report.to_dict()["counters"]
    assert figures["macs_pj"] == pytest.approx(counters["macs"] * mac_pj(machine))
    for memory in ("dram", "wmem", "vmem"):
        moved = counters["read"][memory] + counters["written"][memory]
        assert figures[f"{memory}_pj"] == pytest.approx(moved * byte_pj(machine, memory), rel=1e-4)
    parts = [
        value for name, value in figures.items() if name.endswith("_pj") and name != "total_pj"
    ]
    assert figures["total_pj"] == pytest.approx(sum(parts))
    assert figures["average_watts"] == pytest.approx(
        figures["total_pj"] * 1e-12 / (result.cycles / 1e9)
    )
    assert "energy" in str(result.report) and "W on average" in str(result.report)


def test_extrapolated_loops_count_whole():
    program = rnncc.compile(recurrent_model("GRU", 32, 200), target="edge")
    short = program.run(None, values=False).report.to_dict()["energy"]
    long = program.run(None, values=False, extrapolate=False).report.to_dict()["energy"]
    assert short == pytest.approx(long)


def test_a_machine_without_the_table_has_cycles_only():
    machine = replace(load_machine("edge"), energy=Energy())
    report = (
        rnncc.compile(recurrent_model("RNN", 8, 3), target=machine).run(None, values=False).report
    )
    assert "energy" not in report.to_dict() and "energy" not in str(report)


def test_half_a_table_is_refused(tmp_path):
    path = tmp_path / "half.toml"
    path.write_text('name = "half"\ninherits = "edge"\n[energy]\nvolts = 0\n')
    with pytest.raises(MachineError, match=r"half.toml:4: energy.volts: must not be zero"):
        load_machine(path)


WATTS = {
    "bw-s10": 125, "v100": 300, "tpu-v1": 75, "tpu-v2": 280, "tpu-v3": 450, "ipu-gc2": 150, "plasticine-rnn": 49,
}  # fmt: skip
"""Thermal design power of the chip or its board, as published (recalled)."""


@pytest.mark.parametrize("name", sorted(WATTS))
def test_everything_at_full_speed_stays_within_the_published_power(name):
    machine = load_machine(name)
    flow = {"dram": machine.dram_bytes_per_cycle} | {
        memory: machine.memories[memory].bytes_per_cycle for memory in ("wmem", "vmem")
    }
    picojoules = machine.peak_macs_per_cycle * mac_pj(machine)
    picojoules += sum(count * byte_pj(machine, memory) for memory, count in flow.items())
    watts = picojoules * 1e-12 * machine.clock_hz + machine.energy.static_watts
    # Wires, clocks and (mostly) leakage are not counted: not more than the whole, nor a vanishing part.
    assert 0.1 * WATTS[name] < watts < WATTS[name]


def test_one_product_by_hand():
    """x [32, 256] . w [256, 256] on TPU v1 with 8 bits: 28 nm at 0.9 V."""
    g = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> g (float[32,256] x) => (float[32,256] y) { y = MatMul(x, w) }'
    )
    w = np.ones((256, 256), np.float32)
    g.graph.initializer.append(onnx.numpy_helper.from_array(w, "w"))
    report = rnncc.compile(g, "tpu-v1-int8").run(None, values=False).report.to_dict()
    parts = report["energy"]
    # 2.1 million MACs of 0.2 + 0.1 pJ; weights, inputs and outputs are a byte each, at 1.3 nJ for 8 of them.
    assert parts["macs_pj"] == pytest.approx(32 * 256 * 256 * 0.3 * 28 / 45, rel=1e-6)
    assert parts["dram_pj"] == pytest.approx((256 * 256 + 2 * 32 * 256) * 160, rel=1e-6)
    assert parts["static_pj"] == pytest.approx(28e12 * report["cycles"] / 700e6, rel=1e-6)
    assert parts["total_pj"] == pytest.approx(
        sum(v for k, v in parts.items() if k.endswith("_pj") and k != "total_pj")
    )
