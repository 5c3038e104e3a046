"""Machines that are no file's: every pass gets the description itself."""

from dataclasses import replace

import numpy as np
import pytest

import rnncc
from rnncc.bench.models import recurrent_model
from rnncc.calibration import calibrate
from rnncc.compiler import Compilation
from rnncc.errors import MachineError
from rnncc.machine import load_machine
from rnncc.machine.given import give, given

EDGE = load_machine("edge")


def smaller(size):
    """The machine `edge`, of the same name, with so many bytes of weight memory."""
    wmem = replace(EDGE.memories.wmem, size=size)
    return replace(EDGE, memories=replace(EDGE.memories, wmem=wmem))


def test_passes_plan_for_the_description_and_not_for_a_machine_of_its_name():
    model, machine = recurrent_model("LSTM", 64, 4), smaller(1 << 14)
    assert rnncc.compile(model).memory["wmem"] > machine.capacity("wmem", 4)
    assert rnncc.compile(model, machine).memory["wmem"] <= machine.capacity("wmem", 4)


def test_a_description_of_a_name_that_is_built_in_nowhere_compiles():
    program = rnncc.compile(recurrent_model("RNN", 8, 3), replace(EDGE, name="mine"))
    assert program.machine.name == "mine"


def test_calibration_of_a_program_for_a_machine_of_a_file(tmp_path):
    path = tmp_path / "wide.toml"
    path.write_text('name = "wide"\ntitle = "wide"\ninherits = "edge"\n[vector]\nlanes = 256\n')
    compilation = Compilation(recurrent_model("RNN", 8, 3), target=path)
    found = calibrate(compilation, compilation.program(), {"x": np.zeros((3, 1, 8), np.float32)})
    assert found.cycles == found.reference_cycles


def test_a_given_machine_is_found_while_it_lives():
    name, kept = give(smaller(1 << 15))
    assert given(name) is kept
    assert load_machine(name) is kept
    del kept
    assert given(name) is None


def test_an_impossible_machine_is_refused():
    with pytest.raises(MachineError, match="clock_hz"):
        rnncc.compile(recurrent_model("RNN", 8, 3), replace(EDGE, clock_hz=0.0))
