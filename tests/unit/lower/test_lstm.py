import numpy as np
import pytest

from rnncc.dialects import npu

from .build import Graph, check, lstm, steps_of, tiny


def model(T=5, B=2, D=6, H=8, symbol="", **options):
    g = Graph({symbol: T} if symbol else None)
    x = g.input((T, B, D), symbols=(symbol, "", "") if symbol else None)
    h, c = g.input((B, H)), g.input((B, H))
    op = lstm(g, x, H, h, c, symbol=symbol, **options)
    return g.module(op.outputs[0], *op.states)


@pytest.mark.parametrize("target", ["edge"])
@pytest.mark.parametrize("reverse", [False, True])
def test_static(target, reverse):
    check(model(input_reverse=[reverse], output_reverse=[reverse]), target)


def test_step_is_ten_instructions():
    lowered = check(model(B=1))
    assert steps_of(lowered) == [
        "npu.mm",
        *["npu.binary", "npu.unary", "npu.unary"],
        *["npu.binary"] * 3,
        *["npu.unary", "npu.binary"],
        "npu.dma",
    ]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 3, 5])
def test_any_length(length, reverse):
    module = model(symbol="T", input_reverse=[reverse], output_reverse=[reverse])
    check(module, lengths={"T": length})


@pytest.mark.parametrize(("wmem", "vmem"), [(1024, 4096), (256, 1500), (100, 1200)])
@pytest.mark.parametrize("symbol", ["", "T"])
def test_little_memory(tmp_path, wmem, vmem, symbol):
    lowered = check(model(T=7, symbol=symbol), tiny(tmp_path, wmem, vmem))
    for op in lowered.walk():
        if isinstance(op, npu.AllocOp) and op.buffer.type.memory.data != "dram":
            room = vmem if op.buffer.type.memory.data == "vmem" else 2 * wmem
            assert np.prod(op.buffer.type.dims) * 4 <= room


def test_part_of_the_weights_stays(tmp_path):
    lowered = check(model(T=3, B=2, D=8, H=16), tiny(tmp_path, 1200, 8192))
    loads = [
        op for op in lowered.walk() if isinstance(op, npu.DmaOp) and npu.memory_of(op.dst) == "wmem"
    ]
    # Of the recurrent matrix the first rows are loaded once, in front of the loop over time.
    assert any(isinstance(op.parent_op(), npu.LoopOp) for op in loads)
    rows = [op.extent_values[1] for op in loads if op.extent_values[2] == 16]
    assert max(rows) > min(rows)
