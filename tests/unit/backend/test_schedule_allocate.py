"""Schedule and allocate on random modules: same values, no overlap, nothing lost."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context

from rnncc.codegen import generate
from rnncc.dialects import npu
from rnncc.interpreter.npu import main_of, run_npu
from rnncc.machine import load_machine
from rnncc.passes._live_ranges import live_ranges
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.schedule import SchedulePass
from tests.unit.backend.random_modules import COLUMNS, ROWS, random_module

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
def test_scheduling_keeps_the_values(seed):
    module = random_module(seed, 8)
    before = values(module, seed)
    count = sum(1 for _ in module.walk())
    SchedulePass().apply(Context(), module)
    module.verify()
    assert sum(1 for _ in module.walk()) == count
    np.testing.assert_array_equal(values(module, seed), before)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(0, 2), st.booleans())
def test_allocation_keeps_the_values(tiny, seed, size, scheduled):
    module = random_module(seed, 8)
    before = values(module, seed)
    if scheduled:
        SchedulePass(target=tiny[size]).apply(Context(), module)
    AllocatePass(target=tiny[size]).apply(Context(), module)
    module.verify()
    check_addresses(module, load_machine(tiny[size]))
    np.testing.assert_array_equal(values(module, seed), before)
    generate(module, load_machine(tiny[size]), "exact").validate()


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
    for a, b in combinations(live_ranges(main_of(module)), 2):
        if a.meets(b) and spans[a.buffer][0] == spans[b.buffer][0]:
            assert spans[a.buffer][2] <= spans[b.buffer][1] or (
                spans[b.buffer][2] <= spans[a.buffer][1]
            )
