"""Streamed weights: panels in places that take turns, loaded across the turns of the loop over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32

from rnncc.codegen import generate
from rnncc.dialects import nn, npu
from rnncc.dialects._types import tensor_type
from rnncc.machine import load_machine
from rnncc.passes._lower.panel_choice import Streamed
from rnncc.passes._rotate import KERNEL_ATTR
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.place_memory import PlaceMemoryPass
from rnncc.passes.schedule import SchedulePass
from rnncc.passes.tile_for_machine import TileForMachinePass
from rnncc.simulator import simulate

from .build import Graph, check, lower, lstm, tiny

STEPS = 9
BARRIER = 5000


def _model(hidden: int = 16) -> ModuleOp:
    g = Graph({"T": STEPS})
    x = g.input((STEPS, 1, 4), symbols=("T", "", ""))
    h, c = g.input((1, hidden)), g.input((1, hidden))
    op = lstm(g, x, hidden, h, c, symbol="T")
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
    lowered = lower(_model(32), _machine(tmp_path, 700, bulk=False))
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


@pytest.mark.parametrize(("m", "vmem"), [(1, 1 << 14), (6, 1 << 14), (6, 1000)])
def test_weights_that_are_used_once_come_in_pieces(tmp_path: Path, m: int, vmem: int) -> None:
    folder = tmp_path / "slow"
    folder.mkdir()
    target = tiny(folder, 1 << 14, vmem)
    with open(target, "a") as file:
        file.write("[dma]\nlatency = 20\n")
    rng = np.random.default_rng(0)

    def module() -> ModuleOp:
        g = Graph()
        x = g.input((m, 24))
        w = g.const(rng.standard_normal((32, 24)))
        product = g.add(nn.MatmulOp(x, w, transpose_b=True))
        return g.module(g.add(nn.BinaryOp("add", product, g.const(rng.standard_normal(32)))))

    model = module()
    pieces = model.clone()
    PlaceMemoryPass(target, once="pieces").apply(Context(), pieces)
    TileForMachinePass(target).apply(Context(), pieces)
    lowered = lower(pieces, target, place=False)
    loads = [op for op in lowered.walk() if isinstance(op, npu.DmaOp) and _weights(op)]
    assert len(loads) > 1 or vmem < 1 << 14
    # Every piece has a place of its own, and is loaded once.
    assert len({_offset(op) for op in loads}) == len(loads)
    assert all(op.parent is loads[0].parent for op in loads)
    check(model, target, lowered=lowered)
    whole = lower(model, target)
    now, before = _cycles(lowered, target), _cycles(whole, target)
    assert now < before or len(loads) == 1
    assert now <= before


def test_outputs_that_are_the_same_are_both_written_from_the_chip() -> None:
    g = Graph()
    x = g.input((2, 8))
    y = g.add(nn.UnaryOp("tanh", x))
    model = g.module(y, g.add(nn.ReshapeOp(y, tensor_type(f32, (1, 2, 8)))))
    lowered = check(model)
    writes = [op for op in lowered.walk() if isinstance(op, npu.DmaOp)]
    assert all(npu.memory_of(op.src) != npu.memory_of(op.dst) for op in writes)


def _offset(op: npu.DmaOp) -> int:
    view = op.dst.owner
    assert isinstance(view, npu.ViewOp)
    return view.offset.value.data


def _cycles(lowered: ModuleOp, target: str) -> int:
    module = lowered.clone()
    SchedulePass(target=target).apply(Context(), module)
    AllocatePass(target).apply(Context(), module)
    cycles = simulate(generate(module, load_machine(target), "exact"), None, values=False).cycles
    assert isinstance(cycles, int)
    return cycles
