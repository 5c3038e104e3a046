"""Timing alone computes what scalar reads need and nothing else, and counts the same cycles."""

import numpy as np
import pytest

import rnncc
from rnncc.program.text import read_program
from rnncc.random_inputs import random_for_program
from rnncc.simulator import simulate
from rnncc.simulator.control_slice import control_slice
from rnncc.simulator.simulate import control_trace
from tests.unit.batch.models import cell_model

PROGRAM = """
.isa 1
.machine edge
.input n i32 [4]
.input x f32 [8]
.output y f32 [8]
dma i32 [1, 1, 4] vmem[0 : 0, 0, 4], dram[n : 0, 0, 4]
binary.add i32 [1, 1, 4] vmem[64 : 0, 0, 4], vmem[0 : 0, 0, 4], vmem[0 : 0, 0, 4]
dma f32 [1, 1, 8] vmem[{x} : 0, 0, 4], dram[x : 0, 0, 4]
unary.tanh f32 [1, 1, 8] vmem[1024 : 0, 0, 4], vmem[{x} : 0, 0, 4]
s.read r5, i32 vmem[68]
loop r6, r5 max 100
{inside}
endloop
dma f32 [1, 1, 8] dram[y : 0, 0, 4], vmem[1024 : 0, 0, 4]
halt
"""


def _program(x=512, inside="unary.tanh f32 [1, 1, 8] vmem[1024 : 0, 0, 4], vmem[1024 : 0, 0, 4]"):
    return read_program(PROGRAM.format(x=x, inside=inside), {})


def _ops(program):
    return [program.instructions[n].mnemonic for n in sorted(control_slice(program) or [])]


def test_only_what_the_read_needs():
    assert _ops(_program()) == ["dma", "binary.add"]


def test_a_later_write_to_the_same_place_counts_only_in_a_common_loop():
    # x goes where the lengths were, after they have been added, but before the result is read: no loop is shared.
    assert _ops(_program(x=0)) == ["dma", "binary.add"]
    # The read's own place: any write before it.
    assert "dma" in _ops(_program(x=64)) and len(_ops(_program(x=64))) == 3


def test_a_write_at_an_unknown_place_may_be_anywhere():
    inside = """s.read r7, i32 vmem[64 + r6*4]
unary.abs f32 [1, 1, 8] vmem[2048 + r7*4 : 0, 0, 4], vmem[1024 : 0, 0, 4]"""
    assert len(_ops(_program(inside=inside))) > 2


@pytest.mark.parametrize("policy", ["pad ragged=true", "pack", "pack order=machine", "cellular"])
def test_the_same_cycles_as_with_values(policy, tmp_path):
    model = cell_model("LSTM", features=16, hidden=24, direction="bidirectional")
    program = rnncc.compile(
        model,
        shapes={"x": (12, 1, 16)},
        pipeline=f"throughput{{size=4 policy={policy}}}",
    )
    inputs = random_for_program(program, 3)
    timed = program.run(inputs, values=False).cycles
    # Timings are kept with the program for each trace: the loaded one has none.
    program.save(tmp_path / "p.rnx")
    assert rnncc.load(tmp_path / "p.rnx").run(inputs).cycles == timed
    kept = control_slice(program)
    assert kept is not None and 0 < len(kept) < len(program.instructions)


def test_the_trace_is_that_of_the_whole_program():
    program = _program(x=64)
    inputs = {
        "n": np.array([1, 2, 3, 4], np.int32),
        "x": np.full(8, 3.0, np.float32).view(np.float32),
    }
    with pytest.raises(rnncc.errors.SimulationError, match="loop count"):
        simulate(program, inputs)
    with pytest.raises(rnncc.errors.SimulationError, match="loop count"):
        control_trace(program, inputs, {})
    assert control_trace(_program(), inputs, {}) == [4]
