"""Weights that move as whole tiles of the array: traffic, cycles, energy and bounds."""

from dataclasses import replace
from itertools import pairwise
from math import ceil

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

import rnncc
from rnncc.bench.silicon.models import layer
from rnncc.cost import cost, work
from rnncc.cost.energy import byte_pj
from rnncc.machine import load_machine
from rnncc.simulator import simulate

TPU = load_machine("tpu-v1")
TILE = 256 * 256
SMALL = replace(
    TPU,
    name="small",
    matrix=replace(TPU.matrix, rows=16, columns=16, weight_load_cycles=16),
    memories=replace(TPU.memories, wmem=replace(TPU.memories.wmem, size=16 << 10, granule=16)),
)
LOOSE = replace(SMALL, dma=replace(SMALL.dma, whole_weight_tiles=False))


def load(machine, n, k, memories=("wmem", "dram"), element="f32"):
    """The transfer of a matrix."""
    return work(
        machine, "dma", "", (1, n, k), [(memory, element, (0, k, 1)) for memory in memories]
    )


def test_the_papers_matrix_takes_nine_tiles():
    """Jouppi et al., ISCA 2017: a 600 x 600 matrix is 9 tiles and takes 18 us."""
    moved = load(TPU, 600, 600)
    assert [access.nbytes for access in moved.accesses] == [9 * TILE] * 2
    assert [access.held for access in moved.accesses] == [600 * 600] * 2
    found = cost(TPU, moved)
    assert found.shared == ceil(9 * TILE / TPU.dram_bytes_per_cycle)
    assert TPU.seconds(found.shared) == pytest.approx(18e-6, rel=0.05)


def test_what_fills_tiles_or_is_no_weight_moves_as_it_is():
    assert [a.padding for a in load(TPU, 512, 256).accesses] == [0, 0]
    assert [a.padding for a in load(TPU, 600, 600, ("vmem", "dram")).accesses] == [0, 0]
    assert [a.padding for a in load(LOOSE, 600, 600).accesses] == [0, 0]
    assert [a.padding for a in load(TPU, 0, 600).accesses] == [0, 0]
    # What was made on the chip has no padding where it comes from; in the weight memory it is a tile.
    assert [a.padding for a in load(TPU, 1, 1, ("wmem", "vmem")).accesses] == [TILE - 1, 0]
    assert load(TPU, 1, 1, element="i32").accesses[0].nbytes == 4 * TILE


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 900), k=st.integers(1, 900), data=st.data())
def test_a_cut_never_moves_less(n, k, data):
    at = data.draw(st.integers(0, n))
    whole, above, below = (load(TPU, rows, k).accesses[1].nbytes for rows in (n, at, n - at))
    assert above + below >= whole >= n * k
    assert whole % TILE == 0
    if at % 256 == 0:
        assert above + below == whole


def timing_of(program, lengths=None):
    """Cycles, counters, energy and bounds."""
    timing = simulate(program, None, lengths=lengths, values=False).timing
    assert timing is not None
    return timing


def chain(widths, batch):
    """Products one after the other."""
    rng, value = np.random.default_rng(0), "x"
    nodes, weights = [], []
    for number, shape in enumerate(pairwise(widths)):
        weights.append(numpy_helper.from_array(rng.random(shape, np.float32), f"w{number}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{number}"], [f"y{number}"]))
        value = f"y{number}"
    ports = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, width])
        for name, width in (("x", widths[0]), (value, widths[-1]))
    ]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@settings(max_examples=15, deadline=None)
@given(
    widths=st.lists(st.integers(1, 150), min_size=2, max_size=4),
    batch=st.integers(1, 40),
    pipeline=st.sampled_from(["default", "tpu"]),
)
def test_traffic_and_bounds_of_products(widths, batch, pipeline):
    model, shapes = chain(widths, batch), list(pairwise(widths))
    tiles = sum(ceil(n / 16) * ceil(k / 16) for k, n in shapes)
    results = {}
    for machine in (SMALL, LOOSE):
        program = rnncc.compile(model, machine, pipeline)
        results[machine.dma.whole_weight_tiles] = timed = timing_of(program)
        assert timed.bounds.cycles <= timed.cycles
    whole, loose = results[True], results[False]
    ports = batch * (widths[0] + widths[-1]) * SMALL.native_bytes("dram")
    moved = whole.counters.read["dram"] + whole.counters.written["dram"] - ports
    assert moved % 256 == 0 and moved >= tiles * 256
    # Rows that could have come as one piece are no reason for more tiles.
    least = int(tiles * 256 / SMALL.dram_bytes_per_cycle)
    assert loose.bounds.weights <= whole.bounds.weights == least


def test_energy_counts_whole_tiles():
    used = {}
    for machine in (SMALL, LOOSE):
        program = rnncc.compile(chain((17, 17), 4), machine, "tpu")
        used[machine.dma.whole_weight_tiles] = timing_of(program).energy
    more = 4 * 256 - 17 * 17
    assert used[True].dram - used[False].dram == pytest.approx(more * 160)
    # Into the weight memory and from there into the array.
    expected = 2 * more * byte_pj(SMALL, "wmem")
    assert used[True].wmem - used[False].wmem == pytest.approx(expected)


def test_a_recurrence_is_bounded_by_what_must_come_again():
    hidden, steps = 72, 6
    found = {}
    for machine in (SMALL, LOOSE):
        program = rnncc.compile(
            layer("LSTM", hidden), machine, "latency", {"x": (steps, 1, hidden)}
        )
        timed = timing_of(program, {"T": steps})
        assert timed.bounds.cycles <= timed.cycles
        found[machine.dma.whole_weight_tiles] = timed.bounds.weights
    # 288 x 72 weights are 18 x 5 tiles, and 20,736 bytes do not fit in 16 KiB.
    assert found[True] > found[False] > 2 * 288 * 72 / SMALL.dram_bytes_per_cycle
