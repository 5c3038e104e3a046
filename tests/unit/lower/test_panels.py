"""Streamed weights: panels in places that take turns, loaded across the turns of the loop over time."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.codegen import generate
from rnncc.dialects import npu
from rnncc.machine import load_machine
from rnncc.passes._lower.panel_choice import Streamed
from rnncc.passes._rotate import KERNEL_ATTR
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.schedule import SchedulePass
from rnncc.simulator import simulate

from .build import Graph, check, lower, lstm, tiny

STEPS = 9
BARRIER = 5000


def _model() -> ModuleOp:
    g = Graph({"T": STEPS})
    x = g.input((STEPS, 1, 4), symbols=("T", "", ""))
    h, c = g.input((1, 16)), g.input((1, 16))
    op = lstm(g, x, 16, h, c, symbol="T")
    return g.module(op.outputs[0], *op.states)


def _machine(folder: Path, wmem: int, *, bulk: bool) -> str:
    path = tiny(folder, wmem, 1 << 14)
    if bulk:
        with open(path, "a") as file:
            file.write(f'[sync]\nkind = "bulk"\ncycles = {BARRIER}\n')
    return path


def _scheduled(module: ModuleOp, target: str) -> ModuleOp:
    lowered = lower(module, target)
    SchedulePass(target=target).apply(Context(), lowered)
    lowered.verify()
    return lowered


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("wmem", [1400, 700, 200])
def test_values_of_every_length(tmp_path: Path, wmem: int, bulk: bool) -> None:
    module, target = _model(), _machine(tmp_path, wmem, bulk=bulk)
    lowered = _scheduled(module, target)
    for length in (1, 2, STEPS):
        check(module, target, {"T": length}, lowered=lowered)


def test_many_panels_are_a_loop_between_straight_ones(tmp_path: Path) -> None:
    lowered = lower(_model(), _machine(tmp_path, 200, bulk=False))
    (time,) = (op for op in lowered.walk() if isinstance(op, npu.LoopOp) and op.maximum == STEPS)
    body = time.body.block
    inner = [op for op in body.ops if isinstance(op, npu.LoopOp)]
    assert inner and any(isinstance(op, npu.MmOp) for op in inner[0].body.block.ops)
    loads = [op for op in body.ops if isinstance(op, npu.DmaOp) and _weights(op)]
    assert any(op.is_before_in_block(inner[0]) for op in loads)
    assert any(inner[0].is_before_in_block(op) for op in loads)
    # All of them use the same places.
    assert len({npu.buffer_of(op.dst) for op in loads}) == 1


def test_no_more_barriers_than_a_step_has_engines(tmp_path: Path) -> None:
    target = _machine(tmp_path, 1400, bulk=True)
    lowered = _scheduled(_model(), target)
    AllocatePass(target).apply(Context(), lowered)
    program = generate(lowered, load_machine(target), "exact")
    cycles = [simulate(program, None, lengths={"T": n}, values=False).cycles for n in (4, STEPS)]
    assert cycles[0] is not None and cycles[1] is not None
    # A load of weights behind a part of the vector engine's work would be a barrier more.
    assert cycles[1] - cycles[0] < (STEPS - 4) * (2 * BARRIER + BARRIER // 2)


def test_the_next_turns_first_panels_are_on_their_way_before_this_ones_last_products(
    tmp_path: Path,
) -> None:
    lowered = _scheduled(_model(), _machine(tmp_path, 1000, bulk=False))
    (kernel,) = (op for op in lowered.walk() if KERNEL_ATTR in op.attributes)
    order = [op for op in kernel.regions[0].block.ops if isinstance(op, npu.InstructionOp)]
    loads = [n for n, op in enumerate(order) if isinstance(op, npu.DmaOp) and _weights(op)]
    products = [n for n, op in enumerate(order) if isinstance(op, npu.MmOp)]
    assert products[0] < loads[0]


@pytest.mark.parametrize("machine", ["tpu-v3", "v100", "edge", "bw-a10"])
def test_a_division_fits_and_more_room_is_not_slower(machine: str) -> None:
    target = load_machine(machine)
    matrix = Streamed(1, 4608, 1536, "f32", 4)
    slowest = None
    for share in (0.25, 0.5, 0.75):
        free = int(matrix.n * matrix.row * share)
        found = matrix.divide(target, free)
        assert found is not None
        assert (found.kept + found.places * found.panel) * matrix.row <= free
        assert 0 <= found.kept < matrix.n and found.places >= 2
        # NEARLY the least is enough.
        assert slowest is None or found.cycles <= slowest * 1.02
        slowest = found.cycles


def _weights(op: npu.DmaOp) -> bool:
    return npu.memory_of(op.dst) == "wmem"
