"""Weights that are used once and those that stay behind them, in one part of the weight memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.codegen import generate
from rnncc.dialects import nn, npu
from rnncc.machine import load_machine
from rnncc.passes._lower.attributes import SHARED_ATTR, WEIGHTS_ATTR, shared_of
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.place_memory import PlaceMemoryPass
from rnncc.passes.schedule import SchedulePass
from rnncc.passes.tile_for_machine import TileForMachinePass
from rnncc.simulator import simulate

from .build import Graph, check, lower, lstm, tiny

STEPS = 9
HIDDEN, WIDTH = 16, 12
ONCE, STAYS = 4 * HIDDEN * WIDTH, 4 * HIDDEN * HIDDEN
"""Elements of the weights of all inputs, which are used once, and of those of the state."""


def _model() -> ModuleOp:
    g = Graph({"T": STEPS})
    x = g.input((STEPS, 1, WIDTH), symbols=("T", "", ""))
    h, c = g.input((1, HIDDEN)), g.input((1, HIDDEN))
    op = lstm(g, x, HIDDEN, h, c, symbol="T")
    return g.module(op.outputs[0], *op.states)


def _placed(module: ModuleOp, target: str, once: str) -> ModuleOp:
    placed = module.clone()
    PlaceMemoryPass(target, once=once).apply(Context(), placed)
    TileForMachinePass(target).apply(Context(), placed)
    return placed


def _cycles(lowered: ModuleOp, target: str) -> int:
    AllocatePass(target).apply(Context(), lowered)
    assert "rnncc.spills" not in next(iter(lowered.body.block.ops)).attributes
    program = generate(lowered, load_machine(target), "exact")
    cycles = simulate(program, None, lengths={"T": STEPS}, values=False).cycles
    assert isinstance(cycles, int)
    return cycles


@pytest.mark.parametrize("room", [0, 300, 2 * ONCE])
def test_what_stays_is_put_over_what_was_multiplied(tmp_path: Path, room: int) -> None:
    model = _model()
    target = tiny(tmp_path, 2 * (STAYS + 8 + room), 1 << 14)
    with open(target, "a") as file:
        file.write("[dma]\nlatency = 4\n")
    placed = _placed(model, target, "pieces")
    products = [op for op in placed.walk() if isinstance(op, nn.MatmulOp)]
    shared = [shared_of(op) for op in products if SHARED_ATTR in op.attributes]
    if room > ONCE:
        assert not shared  # both fit
    else:
        assert len(shared) == 2
        assert all(op.attributes[WEIGHTS_ATTR].data == "resident" for op in products)  # type: ignore[attr-defined]
        assert len({s[0] for s in shared if s is not None}) == 1
    lowered = lower(placed, target, place=False)
    SchedulePass(target=target).apply(Context(), lowered)
    buffers = {
        npu.buffer_of(op.dst)
        for op in lowered.walk()
        if isinstance(op, npu.DmaOp) and npu.memory_of(op.dst) == "wmem"
    }
    assert len(buffers) == (2 if room > ONCE else 1)
    for length in (1, 2, STEPS):
        check(model, target, {"T": length}, lowered=lowered)
    whole = lower(_placed(model, target, "whole"), target, place=False)
    SchedulePass(target=target).apply(Context(), whole)
    assert _cycles(lowered, target) <= _cycles(whole, target)
