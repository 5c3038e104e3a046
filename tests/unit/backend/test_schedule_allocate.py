"""Schedule and allocate on random modules: same values, no overlap, nothing lost."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from xdsl.context import Context

from rnncc.codegen import generate
from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.interpreter.npu import run_npu
from rnncc.machine import load_machine
from rnncc.passes._live_ranges import live_ranges
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.schedule import SchedulePass
from rnncc.simulator import simulate
from tests.unit.backend.random_modules import COLUMNS, ROWS, random_module
from tests.unit.backend.support import parse

TINY = """
inherits = "edge"
name = "tiny"
title = "Tiny"
[matrix]
rows = 8
columns = 8
[memories.vmem]
size = {vmem}
[memories.wmem]
size = {wmem}
[sources]
"matrix.rows" = "chosen"
"matrix.columns" = "chosen"
"memories.vmem.size" = "chosen"
"memories.wmem.size" = "chosen"
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Paths of machines with little memory: much, some, just enough."""
    folder = tmp_path_factory.mktemp("machines")
    paths = []
    for number, (vmem, wmem) in enumerate(((4096, 512), (1024, 256), (640, 128))):
        path = folder / f"tiny{number}.toml"
        path.write_text(TINY.format(vmem=vmem, wmem=wmem))
        paths.append(str(path))
    return paths


def inputs(seed):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(ROWS, COLUMNS)).astype(np.float32),
        "w": rng.normal(size=(COLUMNS, COLUMNS)).astype(np.float32),
    }


def values(module, seed, length=3):
    return run_npu(module, inputs(seed), {"T": length})["y"]


seeds = st.integers(0, 10**6)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_list_scheduling_keeps_the_values(seed):
    module = random_module(seed, 8)
    before = values(module, seed)
    count = sum(1 for _ in module.walk())
    SchedulePass(policy="list").apply(Context(), module)
    module.verify()
    assert sum(1 for _ in module.walk()) == count
    np.testing.assert_array_equal(values(module, seed), before)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(0, 2), st.booleans())
# A break on a number beyond 64 bits.
@example(seed=481202, size=0, scheduled=False)
def test_allocation_keeps_the_values(tiny, seed, size, scheduled):
    module = random_module(seed, 8)
    before = values(module, seed)
    if scheduled:
        SchedulePass(target=tiny[size]).apply(Context(), module)
    AllocatePass(target=tiny[size]).apply(Context(), module)
    module.verify()
    check_addresses(module, load_machine(tiny[size]))
    np.testing.assert_array_equal(values(module, seed), before)
    program = generate(module, load_machine(tiny[size]), "exact")
    program.validate()
    result = simulate(program, inputs(seed), lengths={"T": 3}, timing=False)
    np.testing.assert_allclose(result.outputs["y"], before, rtol=1e-4, atol=1e-5)


def check_addresses(module, machine):
    """Every buffer inside its memory, aligned; none on another that is alive with it."""
    spans = {}
    for op in module.walk():
        if isinstance(op, npu.AllocOp):
            assert op.address is not None
            memory, start = npu.memory_of(op.buffer), op.address.value.data
            end = start + npu.byte_size(op.buffer)
            assert end <= machine.capacity(memory, 4)
            assert start % (machine.memories[memory].granule * machine.scale(4)[memory]) == 0
            spans[op.buffer] = (memory, start, end)
    for a, b in combinations(live_ranges(main_function(module)), 2):
        if a.meets(b) and spans[a.buffer][0] == spans[b.buffer][0]:
            assert spans[a.buffer][2] <= spans[b.buffer][1] or (
                spans[b.buffer][2] <= spans[a.buffer][1]
            )


OVERLAP = """
func.func @main() {{
  %x = npu.input "x" 0 : !npu.buffer<8x4096xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<8x4096xf32, dram>
  {body}
  func.return
}}
"""
PIECE = """
  %b{i} = npu.alloc "b{i}" : !npu.buffer<4096xf32, vmem>
  %v{i} = npu.view %b{i} [0, 0, 1] : !npu.buffer<4096xf32, vmem>
  %x{i} = npu.view %x + {at} [0, 0, 1] : !npu.buffer<8x4096xf32, dram>
  %y{i} = npu.view %y + {at} [0, 0, 1] : !npu.buffer<8x4096xf32, dram>
  npu.dma %v{i}, %x{i} [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, dram>
  npu.loop %i{i} = 20 {{
    npu.unary tanh %v{i}, %v{i} [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
  }}
  npu.dma %y{i}, %v{i} [1, 1, 4096] : !npu.view<f32, dram>, !npu.view<f32, vmem>
"""


@pytest.mark.parametrize("target", ["edge"])
def test_the_list_policy_is_faster(target):
    """Loads of later work run beside the loops before it."""
    cycles = {}
    text = OVERLAP.format(body="".join(PIECE.format(i=i, at=i * 4096) for i in range(4)))
    for policy in ("modulo", "list", "none"):
        module = parse(text)
        SchedulePass(policy=policy, target=target).apply(Context(), module)
        AllocatePass(target=target).apply(Context(), module)
        program = generate(module, load_machine(target), "exact")
        cycles[policy] = simulate(program, None, values=False).cycles
    assert cycles["list"] < 0.95 * cycles["none"]
    assert cycles["modulo"] <= cycles["list"]


def test_what_fitted_still_fits(tmp_path):
    """An order that needs more memory than there is would cause spills: it is not taken."""
    path = tmp_path / "small.toml"
    path.write_text(TINY.format(vmem=40000, wmem=512))
    text = OVERLAP.format(body="".join(PIECE.format(i=i, at=i * 4096) for i in range(4)))
    module = parse(text)
    SchedulePass(target=str(path)).apply(Context(), module)
    AllocatePass(target=str(path)).apply(Context(), module)
    assert "rnncc.spills" not in main_function(module).attributes


def test_weights_that_do_not_fit_are_loaded_again(tmp_path):
    """A spilled matrix that is a copy of an input is read from there again, not from a copy."""
    path = tmp_path / "small.toml"
    path.write_text(TINY.format(vmem=4096, wmem=128))
    f32v, f32w, f32d = "!npu.view<f32, vmem>", "!npu.view<f32, wmem>", "!npu.view<f32, dram>"
    text = f"""
func.func @main() attributes {{rnncc.symbols = {{T = 4 : i64}}}} {{
  %x = npu.input "x" 0 : !npu.buffer<4x8xf32, dram>
  %w = npu.input "w" 1 : !npu.buffer<8x8xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<8xf32, dram>
  %a = npu.alloc "a" : !npu.buffer<8x8xf32, wmem>
  %b = npu.alloc "b" : !npu.buffer<8x8xf32, wmem>
  %h = npu.alloc "h" : !npu.buffer<16xf32, vmem>
  %wv = npu.view %w [0, 8, 1] : !npu.buffer<8x8xf32, dram>
  %wt = npu.view %w [0, 1, 8] : !npu.buffer<8x8xf32, dram>
  %av = npu.view %a [0, 8, 1] : !npu.buffer<8x8xf32, wmem>
  %bv = npu.view %b [0, 8, 1] : !npu.buffer<8x8xf32, wmem>
  npu.dma %av, %wv [1, 8, 8] : {f32w}, {f32d}
  npu.dma %bv, %wt [1, 8, 8] : {f32w}, {f32d}
  %x0 = npu.view %x [0, 0, 1] : !npu.buffer<4x8xf32, dram>
  %y0 = npu.view %y [0, 0, 1] : !npu.buffer<8xf32, dram>
  %h0 = npu.view %h [0, 0, 1] : !npu.buffer<16xf32, vmem>
  %n0 = npu.view %h [0, 1, 0] : !npu.buffer<16xf32, vmem>
  %h1 = npu.view %h + 8 [0, 0, 1] : !npu.buffer<16xf32, vmem>
  %n1 = npu.view %h + 8 [0, 1, 0] : !npu.buffer<16xf32, vmem>
  npu.dma %h0, %x0 [1, 1, 8] : {f32v}, {f32d}
  npu.loop %i = 3 {{
    npu.mm %n1, %h0, %av [1, 8, 8] : {f32v}, {f32v}, {f32w}
    npu.mm %n0, %h1, %bv [1, 8, 8] : {f32v}, {f32v}, {f32w}
  }}
  npu.dma %y0, %h0 [1, 1, 8] : {f32d}, {f32v}
  func.return
}}"""
    module = parse(text)
    before = values(module, 1)
    AllocatePass(target=str(path)).apply(Context(), module)
    module.verify()
    assert "wmem" in str(main_function(module).attributes["rnncc.spills"])
    names = [op.sym.data for op in module.walk() if isinstance(op, npu.AllocOp)]
    assert not any(name.endswith(".spilled") for name in names)
    np.testing.assert_array_equal(values(module, 1), before)
    generate(module, load_machine(str(path)), "exact").validate()
