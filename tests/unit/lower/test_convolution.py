"""Convolution and pooling on the machine: every form, block and attribute against the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from rnncc.codegen import generate
from rnncc.dialects import nn, npu
from rnncc.dialects._nn_base import ints
from rnncc.errors import CapacityError, UnsupportedError
from rnncc.machine import load_machine
from rnncc.passes._conv_trial import ConvTrials
from rnncc.passes._lower.attributes import FORM_ATTR, TILE_ATTR
from rnncc.passes._lower.conv_form import SPANS, Form
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.lower_to_npu import LowerToNpuPass
from rnncc.passes.place_memory import PlaceMemoryPass
from rnncc.passes.schedule import SchedulePass
from rnncc.passes.tile_for_machine import TileForMachinePass
from rnncc.simulator import simulate

from .build import Graph, check, check_rounded_once, count, lower, tiny

QUICK = settings(max_examples=20, deadline=None)
RANDOM = np.random.default_rng(5)


def forced(module: ModuleOp, form: str, tile: list[int] | None, target: str = "edge") -> ModuleOp:
    """A lowered clone in which every convolution has this form and block."""
    clone = module.clone()
    PlaceMemoryPass(target).apply(Context(), clone)
    TileForMachinePass(target).apply(Context(), clone)
    for op in clone.walk():
        if isinstance(op, nn.ConvOp):
            op.attributes[FORM_ATTR] = StringAttr(form)
            if tile:
                op.attributes[TILE_ATTR] = ints(tile)
        if isinstance(op, nn.PoolOp) and tile:
            op.attributes[TILE_ATTR] = ints([tile[0], 1, tile[1]])
    LowerToNpuPass().apply(Context(), clone)
    clone.verify()
    return clone


@st.composite
def attributes(draw: Any, rank: int, ceil: bool = False) -> tuple[list[int], list[int], dict]:
    """Sizes, kernel and window attributes that fit together."""

    def some(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank))

    kernel, strides, dilations, extra = some(1, 3), some(1, 3), some(1, 2), some(1, 5)
    low, high = ([draw(st.integers(0, k - 1)) for k in kernel] for _ in range(2))
    sizes = [(k - 1) * d + e for k, d, e in zip(kernel, dilations, extra, strict=True)]
    window = {"strides": strides, "dilations": dilations, "low": low, "high": high}
    if ceil:
        window["ceil"] = draw(st.booleans())
    return sizes, kernel, window


@given(st.data())
@QUICK
def test_every_form_of_convolution(data):
    rank = data.draw(st.integers(1, 3))
    sizes, kernel, window = data.draw(attributes(rank))
    groups, inner, outer, frames = (data.draw(st.integers(1, 3)) for _ in range(4))
    form = data.draw(st.sampled_from([Form(s, c).text for s in SPANS[:3] for c in (False, True)]))
    if inner == 1 and data.draw(st.booleans()):
        form = "vector"
    tile = [data.draw(st.integers(1, frames)), data.draw(st.integers(1, 4))]
    if form.startswith("batch"):
        tile[1] = 99
    g = Graph()
    x = g.input((frames, groups * inner, *sizes))
    if data.draw(st.booleans()):
        x = g.add(nn.UnaryOp("tanh", x))
    shape = (groups * outer, inner, *kernel)
    w = g.const(RANDOM.standard_normal(shape)) if data.draw(st.booleans()) else g.input(shape)
    y = g.add(nn.ConvOp(x, w, groups=groups, **window))
    if data.draw(st.booleans()):
        bias = g.const(RANDOM.standard_normal((groups * outer, *[1] * rank)))
        y = g.add(nn.UnaryOp("relu", g.add(nn.BinaryOp("add", y, bias))))
    if data.draw(st.booleans()):
        y = g.add(nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", y, y))))
    module = g.module(y)
    check(module, lowered=forced(module, form, tile))


@given(st.data())
@QUICK
def test_every_block_of_pooling(data):
    rank = data.draw(st.integers(1, 3))
    sizes, kernel, window = data.draw(attributes(rank, ceil=True))
    kind = data.draw(st.sampled_from(["max", "average"]))
    include = kind == "average" and data.draw(st.booleans())
    dtype = data.draw(st.sampled_from([np.float32, np.float16]))
    frames = data.draw(st.integers(1, 3))
    g = Graph()
    x = g.input((frames, 2, *sizes), dtype)
    y = g.add(nn.PoolOp(kind, x, kernel, include_pad=include, **window))
    module = g.module(y)
    tile = data.draw(st.one_of(st.none(), st.just([1, 2]), st.just([frames, 1])))
    rtol = 1e-5 if dtype is np.float32 else 2e-3
    check(module, lowered=forced(module, "row", tile), rtol=rtol)


def network(g: Graph, x: Any, outer: int = 6) -> Any:
    """Convolution, bias, relu, pooling, convolution, flat."""
    c = g.add(
        nn.ConvOp(x, g.const(RANDOM.standard_normal((outer, 3, 3, 3))), low=[1, 1], high=[1, 1])
    )
    c = g.add(nn.BinaryOp("add", c, g.const(RANDOM.standard_normal((1, outer, 1, 1)))))
    p = g.add(nn.PoolOp("max", g.add(nn.UnaryOp("relu", c)), [2, 2], [2, 2]))
    return g.add(nn.ConvOp(p, g.const(RANDOM.standard_normal((4, outer, 3, 3)))))


@pytest.mark.parametrize(("wmem", "vmem"), [(1 << 20, 1 << 20), (256, 8192), (1 << 12, 2048)])
def test_small_memories_cut_frames_rows_and_weights(tmp_path, wmem, vmem):
    g = Graph()
    check(g.module(network(g, g.input((5, 3, 10, 9)))), tiny(tmp_path, wmem, vmem))


@pytest.mark.parametrize("vmem", [1 << 20, 4096])
@pytest.mark.parametrize("length", [1, 3, 4])
def test_frames_that_follow_a_run_time_length(tmp_path, vmem, length):
    g = Graph({"T": 4})
    x = g.input((8, 3, 10, 8), symbols=("T", "", "", ""))
    check(g.module(network(g, x)), tiny(tmp_path, 1 << 16, vmem), {"T": length})


@pytest.mark.parametrize("form", ["batch", "batch columns", "frame", "vector"])
def test_every_form_follows_a_run_time_length(form):
    g = Graph({"T": 3})
    x = g.input((6, 2, 5, 6), symbols=("T", "", "", ""))
    w = g.const(RANDOM.standard_normal((4, 1, 3, 2)))
    module = g.module(g.add(nn.ConvOp(x, w, strides=[2, 1], low=[1, 0], high=[0, 1], groups=2)))
    for tile in ([6, 3], [2, 3]):
        check(module, lengths={"T": 2}, lowered=forced(module, form, tile))


def test_inside_a_scan():
    g = Graph({"T": 4})
    x = g.input((4, 1, 3, 8, 8), symbols=("T", "", "", "", ""))
    scan = g.scan([x], [], lambda i, frame: [network(g, frame)], 4, "T")
    check(g.module(scan.results[0]), lengths={"T": 3})


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_element_types(dtype):
    g = Graph()
    x = g.input((2, 2, 5, 5), dtype)
    w = g.const(np.arange(16).reshape(2, 2, 2, 2) % 3, dtype)
    y = g.add(nn.PoolOp("max", g.add(nn.ConvOp(x, w, low=[1, 0])), [2, 2], high=[1, 1]))
    check(g.module(y), rtol=1e-2 if dtype is np.float16 else 1e-6)


@pytest.mark.parametrize("form", ["row", "frame columns", "batch", "vector"])
@pytest.mark.parametrize("tile", [None, [1, 2]])
def test_short_floats_are_rounded_once(form, tile):
    if form == "batch" and tile:
        tile = [1, 9]
    # Of eighths, so that the sums in f32 are exact.
    weights = RANDOM.integers(-8, 8, (4, 1, 3, 3)) / 8

    def make(dtype):
        g = Graph({"T": 3})
        x = g.input((3, 2, 6, 6), dtype, symbols=("T", "", "", ""))
        w = g.const(weights, dtype)
        y = g.add(nn.ConvOp(x, w, low=[1, 1], high=[1, 1], strides=[2, 1], groups=2))
        return g.module(g.add(nn.UnaryOp("relu", y)))

    check_rounded_once(make, lambda module: forced(module, form, tile), {"T": 2})


def test_bias_and_activation_are_done_on_the_block():
    g = Graph()
    lowered = check(g.module(network(g, g.input((2, 3, 8, 8)))))
    # A product for each row of the two kernels, or in another form for each frame; an activation a frame.
    assert count(lowered, npu.MmOp) <= 8
    assert sum(op.kind.data == "relu" for op in unary(lowered)) <= 2


def unary(module: ModuleOp) -> list[npu.UnaryOp]:
    return [op for op in module.walk() if isinstance(op, npu.UnaryOp)]


@pytest.mark.parametrize("target", ["edge", "tpu-v1"])
@pytest.mark.parametrize("shape", [(1, 3, 24, 5, 8), (1, 12, 12, 3, 16), (2, 64, 7, 3, 64)])
def test_the_chosen_form_is_near_the_fastest(monkeypatch, target, shape):
    """Every form that fits, simulated; the choice is made without simulating any."""
    frames, channels, size, kernel, outer = shape
    g = Graph()
    w = g.const(RANDOM.standard_normal((outer, channels, kernel, kernel)))
    x = g.input((frames, channels, size, size))
    same = [kernel // 2] * 2
    module = g.module(g.add(nn.ConvOp(x, w, [1, 1], [1, 1], same, same)))
    plans: list = []

    def cycles() -> int:
        lowered = lower(module, target)
        SchedulePass(target=target).apply(Context(), lowered)
        AllocatePass(target).apply(Context(), lowered)
        program = generate(lowered, load_machine(target), "exact")
        found = simulate(program, None, values=False).cycles
        assert found is not None
        return found

    chosen = cycles()
    monkeypatch.setattr(ConvTrials, "choose", lambda _, op, given: plans.extend(given) or given[0])
    cycles()
    every = []
    for plan in plans:
        monkeypatch.setattr(ConvTrials, "choose", lambda _, op, given, plan=plan: plan)
        every.append(cycles())
    assert chosen <= 1.2 * min(every)


def test_what_cannot_be_lowered_says_so(tmp_path):
    g = Graph()
    w = g.const(np.ones((2, 3, 3, 3)))
    module = g.module(g.add(nn.ConvOp(g.input((1, 3, 40, 40)), w)))
    with pytest.raises(CapacityError, match=r"node 'conv_1' .*: one row of windows takes"):
        lower(module, tiny(tmp_path, 256, 256))
    g = Graph()
    module = g.module(g.add(nn.PoolOp("max", g.input((1, 1, 2, 200)), [2, 2])))
    with pytest.raises(CapacityError, match=r"node 'pool_1' .*: one row of windows takes"):
        lower(module, tiny(tmp_path, 256, 256))
    g = Graph()
    module = g.module(g.add(nn.PoolOp("max", g.input((1, 1, 2, 2, 2, 2)), [2] * 4)))
    with pytest.raises(UnsupportedError, match="4 spatial dimensions"):
        lower(module)
