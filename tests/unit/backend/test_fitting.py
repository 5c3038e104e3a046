"""Nothing is spilled that a better order would keep: small blocks against all their orders."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.interpreter.npu import run_npu
from rnncc.passes import _fitting_order
from rnncc.passes._dependence import dependence_graph
from rnncc.passes._windows import AccessTable
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.schedule import SchedulePass

ROW = 64
BYTES = 4 * ROW
SMALL = """
inherits = "edge"
name = "small{buffers}"
title = "Small"
[matrix]
rows = 8
columns = 8
[memories.vmem]
size = {size}
[sources]
"matrix.rows" = "chosen"
"matrix.columns" = "chosen"
"memories.vmem.size" = "chosen"
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Machines whose vector memory holds so many rows."""
    folder = tmp_path_factory.mktemp("machines")
    paths = {}
    for buffers in range(1, 12):
        paths[buffers] = folder / f"small{buffers}.toml"
        paths[buffers].write_text(SMALL.format(buffers=buffers, size=buffers * BYTES))
    return paths


def row(block, name):
    alloc = npu.AllocOp((ROW,), f32, "vmem", name)
    block.add_op(alloc)
    return alloc.buffer


def view(block, buffer, offset=0):
    op = npu.ViewOp(buffer, offset, (0, 0, 1))
    block.add_op(op)
    return op.result


def rows_of(program):
    """A block that loads rows, adds pairs of what it has, and stores what nothing reads; all rows are as long.

    Args:
        program: for each row None (loaded) or the two earlier rows that it is the sum of.
    """
    block = Block()
    x = npu.InputOp(npu.BufferType.of((len(program), ROW), f32, "dram"), "x", 0)
    y = npu.OutputOp(npu.BufferType.of((len(program), ROW), f32, "dram"), "y", 0)
    block.add_ops([x, y])
    made, extents = [], (1, 1, ROW)
    for n, parts in enumerate(program):
        made.append(row(block, f"r{n}"))
        if parts is None:
            source = view(block, x.results[0], n * ROW)
            block.add_op(npu.DmaOp(view(block, made[n]), source, extents))
        else:
            a, b = (view(block, made[part]) for part in parts)
            block.add_op(npu.BinaryOp("add", view(block, made[n]), a, b, extents))
    read = {part for parts in program if parts for part in parts}
    for n in range(len(program)):
        if n not in read:
            target = view(block, y.results[0], n * ROW)
            block.add_op(npu.DmaOp(target, view(block, made[n]), extents))
    block.add_op(ReturnOp())
    return ModuleOp([FuncOp("main", ((), ()), Region(block))])


def least_rows(module):
    """The fewest rows alive at once in any order, by trying all."""
    graph = dependence_graph(main_function(module).body.block, AccessTable())
    users = {}
    for node in graph:
        for buffer in node.buffers:
            if npu.memory_of(buffer) == "vmem":
                users.setdefault(buffer, set()).add(node.number)

    @cache
    def least(issued):
        best = 0 if len(issued) == len(graph) else 99
        for node in graph:
            if node.number not in issued and issued.issuperset(node.preds):
                after = issued | {node.number}
                alive = sum(bool(who & after) and not who <= issued for who in users.values())
                best = min(best, max(alive, least(after)))
        return best

    return least(frozenset())


@st.composite
def programs(draw):
    program = [None]
    for n in range(1, draw(st.integers(3, 7))):
        earlier = st.integers(0, n - 1)
        program.append(draw(st.one_of(st.none(), st.tuples(earlier, earlier))))
    return tuple(program)


@settings(max_examples=40, deadline=None)
@given(programs())
def test_what_fits_in_some_order_is_not_spilled(machines, program):
    module = rows_of(program)
    least = least_rows(module)
    target = str(machines[least])
    data = {"x": np.random.default_rng(0).normal(size=(len(program), ROW)).astype(np.float32)}
    before = run_npu(module, data, {})["y"]
    SchedulePass(target=target).apply(Context(), module)
    AllocatePass(target=target).apply(Context(), module)
    assert "rnncc.spills" not in main_function(module).attributes
    np.testing.assert_array_equal(run_npu(module, data, {})["y"], before)


def test_loads_that_came_first_wait(machines):
    """Six rows loaded, then summed one by one: three are enough where each is loaded when it is needed."""
    program = [None] * 6 + [(0, 1)] + [(n, n + 4) for n in range(2, 6)]
    module = rows_of(tuple(program))
    target = str(machines[3])
    SchedulePass(target=target).apply(Context(), module)
    AllocatePass(target=target).apply(Context(), module)
    assert "rnncc.spills" not in main_function(module).attributes


def test_a_search_that_ends_early_still_orders_every_node(monkeypatch):
    """It has no order of the whole block then: the rest is chosen node by node."""
    monkeypatch.setattr(_fitting_order, "EFFORT", 50)
    nodes = [SimpleNamespace(number=n, preds={}, buffers=set()) for n in range(30)]
    inside = [(0.0,) * len(_fitting_order.MEMORIES)] * len(nodes)
    numbers, _ = _fitting_order.least_peak(nodes, set(), inside, {})  # pyright: ignore[reportArgumentType]
    assert sorted(numbers) == list(range(30))
