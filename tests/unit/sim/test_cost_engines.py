"""Cycles of single instructions, counted by hand."""

from dataclasses import replace
from math import ceil

import pytest

from rnncc.cost import Cost, control_cycles, cost, work
from rnncc.cost.work import contiguous_run
from rnncc.machine import load_machine

EDGE = load_machine("edge")
DENSE = (0, 0, 1)


def product(m, n, k, op="mm", element="f32"):
    operands = [
        ("vmem", element, (n, 1, 0)),
        ("vmem", element, (k, 0, 1)),
        ("wmem", element, (0, k, 1)),
    ]
    return work(EDGE, op, "", (m, n, k), operands)


def test_mvm_takes_one_vector_at_a_time():
    # 16 x 4 tiles of 64 x 64, one a cycle; the first rows need 4 of them.
    assert cost(EDGE, product(1, 1024, 256)) == Cost("matrix", 64, 4 + 12, 64 + 12, active=64)
    assert cost(EDGE, product(25, 1024, 256)).busy == 25 * 64
    assert cost(EDGE, product(1, 65, 65)).busy == 4


def test_mvm_lanes_and_rates():
    matrix = replace(
        EDGE.matrix, rows=400, columns=400, lanes=40, count=6, rates={"bf16xfp32": 1.0}
    )
    memories = replace(EDGE.memories, wmem=replace(EDGE.memories.wmem, bytes_per_cycle=1e9))
    machine = replace(EDGE, matrix=matrix, memories=memories)
    # 15 x 5 tiles in 6 arrays = 13 rounds of 10 cycles.
    assert cost(machine, product(1, 6000, 2000)).busy == 130
    half = replace(machine, matrix=replace(matrix, rates={"bf16xfp32": 0.5}))
    assert cost(half, product(1, 6000, 2000)).busy == 260


def test_a_product_is_never_faster_than_its_memories():
    slow = replace(EDGE.memories.wmem, bytes_per_cycle=64)
    machine = replace(EDGE, memories=replace(EDGE.memories, wmem=slow))
    assert cost(machine, product(1, 1024, 256)).busy == 1024 * 256 * 2 // 64


@pytest.mark.parametrize(("buffers", "busy"), [(2, 256 + 3 * 256 + 200), (1, 4 * (256 + 200))])
def test_systolic_shifts_weights_in(buffers, busy):
    matrix = replace(
        EDGE.matrix,
        kind="systolic",
        rows=256,
        columns=256,
        weight_load_cycles=256,
        weight_buffers=buffers,
    )
    memories = replace(
        EDGE.memories,
        vmem=replace(EDGE.memories.vmem, bytes_per_cycle=1e9),
        wmem=replace(EDGE.memories.wmem, bytes_per_cycle=1e9),
    )
    machine = replace(EDGE, matrix=matrix, memories=memories)
    assert cost(machine, product(200, 512, 512)).busy == busy


def test_mma_spreads_vectors_over_the_units():
    matrix = replace(EDGE.matrix, kind="mma", rows=4, columns=4, count=640)
    memories = replace(EDGE.memories, vmem=replace(EDGE.memories.vmem, bytes_per_cycle=1e9))
    assert cost(replace(EDGE, matrix=matrix, memories=memories), product(64, 64, 64)).busy == ceil(
        64 * 16 * 16 / 640
    )


def vector(op, kind, extents, *strides):
    return work(EDGE, op, kind, extents, [("vmem", "f32", s) for s in strides])


def test_vector_pace_and_depth():
    add = cost(EDGE, vector("binary", "add", (1, 1, 1000), DENSE, DENSE, DENSE))
    assert add == Cost("vector", 16, 1 + 4, 16 + 4)
    assert cost(EDGE, vector("unary", "tanh", (1, 1, 64), DENSE, DENSE)) == Cost(
        "vector", 1, 15, 15
    )


def test_strided_vectors_pay_whole_granules():
    # 512 single elements, 32 bytes each, and as many written densely.
    strided = cost(EDGE, vector("unary", "neg", (1, 1, 512), DENSE, (0, 0, 16)))
    assert strided.busy == ceil((512 * 32 + 512 * 4) / 768)


def test_reduction_ends_with_the_tree():
    result = cost(EDGE, vector("reduce", "sum", (1, 8, 128), (0, 1, 0), (0, 128, 1)))
    assert result == Cost("vector", 16, 2 + 12, 16 + 12)


def copy(to, source, extents, to_strides, source_strides, *, element="f32"):
    return work(
        EDGE, "dma", "", extents, [(to, element, to_strides), (source, element, source_strides)]
    )


def test_weights_travel_in_their_own_format():
    dense = (0, 256, 1)
    result = cost(EDGE, copy("wmem", "dram", (1, 1024, 256), dense, dense))
    transfer = ceil(1024 * 256 * 2 / 25.6)
    assert result == Cost("dma", 200 + transfer, 201, 200 + transfer, transfer)
    same = cost(EDGE, copy("vmem", "dram", (1, 1024, 256), dense, dense))
    assert same.shared == ceil(1024 * 256 * 4 / 25.6)
    assert cost(EDGE, copy("vmem", "dram", (1, 1, 64), DENSE, DENSE, element="i8")).shared == ceil(
        64 / 25.6
    )


def test_dma_on_the_chip_does_not_wait_for_dram():
    result = cost(EDGE, copy("vmem", "vmem", (1, 1, 6144), DENSE, DENSE))
    assert result == Cost("dma", 10 + 64, 11, 74, 64)


def test_writes_to_dram_are_posted():
    result = cost(EDGE, copy("dram", "vmem", (1, 1, 640), DENSE, DENSE))
    assert result == Cost("dma", 100, 201, 300, 100)


def test_columns_from_dram_pay_bursts():
    assert cost(EDGE, copy("vmem", "dram", (1, 100, 1), (0, 1, 0), (0, 64, 0))).shared == 250


def test_runs():
    assert contiguous_run((1, 8, 16), (0, 16, 1), 1) == (128, 128)
    assert contiguous_run((1, 8, 16), (0, 32, 1), 1) == (128, 16)
    assert contiguous_run((1, 8, 16), (0, 0, 1), 1) == (16, 16)
    assert contiguous_run((1, 8, 16), (0, 1, 8), 1) == (128, 128)
    assert contiguous_run((1, 0, 16), (0, 1, 8), 1)[0] == 0


def test_control():
    assert control_cycles(EDGE, "endloop") == 2
    assert control_cycles(EDGE, "beqz") == 4
    assert control_cycles(EDGE, "s.read") == 11
    assert control_cycles(EDGE, "mm") == 1
