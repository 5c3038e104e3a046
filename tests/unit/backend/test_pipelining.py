"""Software pipelining: the same values for every length, the interval that was promised, declined where it must be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr

from rnncc.codegen import generate
from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.interpreter.npu import run_npu
from rnncc.machine import load_machine
from rnncc.passes import _pipeline_loops, _pipeline_plan, _pipeline_search
from rnncc.passes._block_order import Scheduler
from rnncc.passes._initiation import minimum_interval
from rnncc.passes._loop_clock import settled
from rnncc.passes._loop_graph import loop_edges
from rnncc.passes._modulo import modulo_schedule
from rnncc.passes._remarks import remarks_of
from rnncc.passes._rotate import KERNEL_ATTR
from rnncc.passes._windows import AccessTable
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.schedule import SchedulePass
from rnncc.simulator import simulate
from tests.unit.backend.random_modules import COLUMNS, ROWS, random_module
from tests.unit.backend.support import parse

MACHINES = ("edge", "bw-s10", "tpu-v1")


@pytest.fixture
def eager(monkeypatch):
    """Loops are pipelined whenever that saves anything at all."""
    monkeypatch.setattr(_pipeline_search, "SAVING", 10**9)
    monkeypatch.setattr(_pipeline_plan, "_PLANS", {})
    monkeypatch.setattr(_pipeline_loops, "FEWEST", 4)


def values(module, seed, length):
    rng = np.random.default_rng(seed)
    inputs = {
        "x": rng.normal(size=(ROWS, COLUMNS)).astype(np.float32),
        "w": rng.normal(size=(COLUMNS, COLUMNS)).astype(np.float32),
    }
    return run_npu(module, inputs, {"T": length})["y"]


def test_random_loops_keep_their_values_at_every_length(eager):
    pipelined = 0
    for seed in range(16):
        module = random_module(seed, 12)
        before = [values(module, seed, length) for length in range(ROWS + 1)]
        SchedulePass(target=MACHINES[seed % 3]).apply(Context(), module)
        module.verify()
        pipelined += any(KERNEL_ATTR in op.attributes for op in module.walk())
        for length, expected in enumerate(before):
            np.testing.assert_array_equal(values(module, seed, length), expected)
    assert pipelined >= 3


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(MACHINES))
def test_what_is_pipelined_can_be_allocated_and_is_never_faster_than_its_bound(seed, target):
    module = random_module(seed, 10)
    before = {length: values(module, seed, length) for length in (0, 1, 4)}
    SchedulePass(target=target).apply(Context(), module)
    AllocatePass(target=target).apply(Context(), module)
    for length, expected in before.items():
        np.testing.assert_array_equal(values(module, seed, length), expected)
    program = generate(module, load_machine(target), "exact")
    program.validate()
    x = np.zeros((ROWS, COLUMNS), np.float32)
    inputs = {"x": x, "w": np.zeros((COLUMNS, COLUMNS), np.float32)}
    result = simulate(program, inputs, lengths={"T": 3})
    assert result.bounds is not None and result.cycles is not None
    assert result.bounds.cycles <= result.cycles


RECURRENCE = """
func.func @main() attributes {{rnncc.symbols = {{T = 64 : i64}}}} {{
  %x = npu.input "x" 0 symbols ["T", ""] : !npu.buffer<64x256xf32, dram>
  %y = npu.output "y" 0 symbols ["T", ""] : !npu.buffer<64x256xf32, dram>
  %n = npu.length "T"
  %h = npu.alloc "h" : !npu.buffer<256xf32, vmem>
  %row = npu.alloc "row" : !npu.buffer<256xf32, vmem>
  %sum = npu.alloc "sum" : !npu.buffer<256xf32, vmem>
  %hv = npu.view %h [0, 0, 1] : !npu.buffer<256xf32, vmem>
  %rv = npu.view %row [0, 0, 1] : !npu.buffer<256xf32, vmem>
  %sv = npu.view %sum [0, 0, 1] : !npu.buffer<256xf32, vmem>
  npu.fill %hv [1, 1, 256] value 0.5 : !npu.view<f32, vmem>
  npu.loop %i = {count} {{
    %xi = npu.view %x[%i * 256] [0, 0, 1] : !npu.buffer<64x256xf32, dram>
    npu.dma %rv, %xi [1, 1, 256] : !npu.view<f32, vmem>, !npu.view<f32, dram>
    npu.binary add %sv, %rv, %hv [1, 1, 256] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
    npu.unary tanh %hv, %sv [1, 1, 256] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
    %yi = npu.view %y[%i * 256] [0, 0, 1] : !npu.buffer<64x256xf32, dram>
    npu.dma %yi, %hv [1, 1, 256] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  }}
  func.return
}}
"""


@pytest.mark.parametrize("count", ["64", "%n max 64"])
def test_the_next_row_is_loaded_beside_the_step(count):
    """The load leaves the recurrence: the row gets a second buffer, every length stays right, cycles fall."""
    cycles, target = {}, "edge"
    x = np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)
    lengths = (64,) if count == "64" else (0, 1, 2, 64)
    for policy in ("list", "modulo"):
        module = parse(RECURRENCE.format(count=count))
        SchedulePass(policy=policy, target=target).apply(Context(), module)
        AllocatePass(target=target).apply(Context(), module)
        module.verify()
        program = generate(module, load_machine(target), "exact")
        for length in lengths:
            result = simulate(program, {"x": x[:length]}, lengths={"T": length})
            h, expected = np.full(256, 0.5, np.float32), []
            for row in x[:length]:
                h = np.tanh(h + row)
                expected.append(h)
            got = result.outputs["y"]
            np.testing.assert_allclose(got, np.reshape(expected, (length, 256)), rtol=1e-5)
        cycles[policy] = result.cycles
        if policy == "modulo":
            (said,) = remarks_of(main_function(module))
            assert "1 of 4 operations run a turn ahead" in said
            (kernel,) = [op for op in module.walk() if KERNEL_ATTR in op.attributes]
            settled_in = kernel.attributes[KERNEL_ATTR]
            assert isinstance(settled_in, IntegerAttr)
            promised = settled_in.value.data
    assert cycles["modulo"] < 0.95 * cycles["list"]
    # What the scheduler's clock promised is what the simulator measures, but for start and end.
    assert abs(cycles["modulo"] - 64 * promised) < 0.1 * cycles["modulo"]


def test_a_loop_without_a_turn_reads_no_row():
    """Rows counted from the run-time length on: with all of them done the next one lies behind the input."""
    text = RECURRENCE.format(count="%left max 64")
    text = text.replace(
        '  %n = npu.length "T"\n',
        '  %n = npu.length "T"\n  %all = npu.immediate 64\n  %left = npu.scalar sub %all, %n\n',
    )
    text = text.replace(
        "    %xi = npu.view %x[%i", "    %at = npu.scalar add %i, %n\n    %xi = npu.view %x[%at"
    )
    text = text.replace('0 symbols ["T", ""]', "0")
    x = np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)
    module = parse(text)
    SchedulePass(policy="modulo", target="edge").apply(Context(), module)
    assert any(KERNEL_ATTR in op.attributes for op in module.walk())
    AllocatePass(target="edge").apply(Context(), module)
    program = generate(module, load_machine("edge"), "exact")
    for done in (64, 63, 62, 10, 0):
        h, expected = np.full(256, 0.5, np.float32), np.zeros((64, 256), np.float32)
        for turn, row in enumerate(x[done:]):
            h = expected[turn] = np.tanh(h + row)
        got = simulate(program, {"x": x}, lengths={"T": done}).outputs["y"]
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", ["64", "%n max 64"])
def test_rows_are_loaded_several_turns_ahead(count, tmp_path):
    """A short step hides the latency of memory only when several loads are under way, each with a buffer."""
    text = RECURRENCE.format(count=count)
    lines = text.splitlines()
    (store,) = [n for n, line in enumerate(lines) if "npu.dma %yi" in line]
    store = lines.pop(store).replace("%yi", "%yl")
    (end,) = [n for n, line in enumerate(lines) if line == "  }"]
    view = "  %yl = npu.view %y [0, 0, 1] : !npu.buffer<64x256xf32, dram>"
    module = parse("\n".join([*lines[: end + 1], view, store, *lines[end + 1 :]]))
    path = tmp_path / "many.toml"
    path.write_text(
        'inherits = "edge"\nname = "many"\ntitle = "Many channels"\n[dma]\nchannels = 4\n'
        '[sources]\n"dma.channels" = "chosen"\n'
    )
    SchedulePass(target=str(path)).apply(Context(), module)
    AllocatePass(target=str(path)).apply(Context(), module)
    module.verify()
    (said,) = remarks_of(main_function(module))
    assert "3 turns ahead, 4 copies of 1 buffers" in said
    program = generate(module, load_machine(str(path)), "exact")
    x = np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)
    for length in (64,) if count == "64" else (1, 2, 3, 4, 64):
        h = np.full(256, 0.5, np.float32)
        for row in x[:length]:
            h = np.tanh(h + row)
        got = simulate(program, {"x": x[:length]}, lengths={"T": length}).outputs["y"]
        np.testing.assert_allclose(got[0], h, rtol=1e-5)


def test_a_loop_that_may_end_early_is_left_alone():
    """What is done ahead for a turn that never comes could be seen; a number that is read stays in its turn."""
    read = "    %r = npu.read %hv : !npu.view<f32, vmem>\n"
    for more, pipelined in ((read, True), (read + "    npu.break %r\n", False)):
        module = parse(RECURRENCE.format(count="64").replace("    %yi =", more + "    %yi ="))
        SchedulePass().apply(Context(), module)
        module.verify()
        assert any(KERNEL_ATTR in op.attributes for op in module.walk()) == pipelined


def test_no_room_for_a_second_buffer(tmp_path):
    """Where the memory has no room for two rows the loop keeps one."""
    path = tmp_path / "small.toml"
    path.write_text(
        'inherits = "edge"\nname = "small"\ntitle = "Small"\n[memories.vmem]\nsize = 3200\n'
        '[sources]\n"memories.vmem.size" = "chosen"\n'
    )
    module = parse(RECURRENCE.format(count="64"))
    SchedulePass(target=str(path)).apply(Context(), module)
    AllocatePass(target=str(path)).apply(Context(), module)
    assert "rnncc.spills" not in main_function(module).attributes
    assert all(
        "x256" not in str(b.buffer.type) for b in module.walk() if isinstance(b, npu.AllocOp)
    )


TURNS = """
func.func @main() {{
  %x = npu.input "x" 0 : !npu.buffer<64x8xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<80x8xf32, dram>
  %b = npu.alloc "b" : !npu.buffer<4x8xf32, vmem>
  %m = npu.immediate {modulus}
  npu.loop %i = 16 {{
    %p = npu.scalar mod %i, %m
    %w = npu.view %b[%p * 8] [0, 0, 1] : !npu.buffer<4x8xf32, vmem>
    %xi = npu.view %x[%i * 8] [0, 0, 1] : !npu.buffer<64x8xf32, dram>
    npu.dma %w, %xi [1, 1, 8] : !npu.view<f32, vmem>, !npu.view<f32, dram>
    %yi = npu.view %y[%i * {step}] + {offset} [0, 0, 1] : !npu.buffer<80x8xf32, dram>
    npu.dma %yi, %w [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  }}
  func.return
}}
"""


@pytest.mark.parametrize(
    ("modulus", "step", "offset", "turns", "rows"),
    [(2, 8, 0, 2, None), (3, 4, 0, 3, 1), (1, 0, 0, 1, 1), (4, -8, 200, 4, None)],
)
def test_distances(modulus, step, offset, turns, rows):
    """Buffers that take turns meet after as many turns; rows that move away never do."""
    module = parse(TURNS.format(modulus=modulus, step=step, offset=offset))
    (loop,) = [op for op in module.walk() if isinstance(op, npu.LoopOp)]
    _, edges = loop_edges(loop, AccessTable())
    found = {}
    for edge in edges:
        if edge.buffer is not None:
            owner = edge.buffer.owner
            assert isinstance(owner, npu.AllocOp | npu.OutputOp)
            name = owner.sym.data
            found[name] = min(edge.distance, found.get(name, 99))
    assert found == {"b": turns, **({"y": rows} if rows else {})}


@pytest.mark.parametrize("target", MACHINES)
def test_the_interval_is_at_least_its_minimum(target):
    """A modulo schedule keeps every dependence and never starts two operations of an engine at once."""
    module = parse(RECURRENCE.format(count="64"))
    machine = load_machine(target)
    capacity = {memory: 1 << 20 for memory in ("wmem", "vmem")}
    scheduler = Scheduler(machine, main_function(module), capacity, tight=False)
    (loop,) = [op for op in module.walk() if isinstance(op, npu.LoopOp)]
    graph, kernel = scheduler.kernel(loop)
    bound = minimum_interval(kernel)
    assert bound.cycles <= settled(kernel, range(len(graph)))
    scheduled = modulo_schedule(kernel, bound.cycles)
    assert scheduled is not None
    interval, times = scheduled
    assert interval >= bound.cycles
    for before, later, needed, turns in kernel.arcs():
        assert times[later] + interval * turns >= times[before] + needed
