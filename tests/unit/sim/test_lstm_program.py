"""A whole hand-written LSTM through the simulator: values, lengths, cycles, counters and bounds."""

from dataclasses import replace

import numpy as np
import pytest
from sim_programs import EDGE, Lstm, timed

from rnncc.errors import InputError, UnsupportedError
from rnncc.simulator import simulate


@pytest.mark.parametrize("panel", [None, 64])
def test_values_at_every_length(panel):
    lstm = Lstm(40 if panel is None else 64, 20, panel)
    for steps in (20, 1, 7, 20):
        x = lstm.input(steps)
        result = simulate(lstm.program, {"x": x}, lengths={"T": steps})
        assert result.outputs["y"].shape == (steps, lstm.hidden)
        np.testing.assert_allclose(result.outputs["y"], lstm.reference(x), atol=2e-6)


@pytest.mark.parametrize("panel", [None, 64])
def test_extrapolation_is_exact(panel):
    lstm = Lstm(64, 300, panel)
    fast = timed(lstm.program)
    slow = timed(lstm.program, extrapolate=False)
    assert fast.counters.extrapolated > 250
    assert slow.counters.extrapolated == 0
    assert fast.cycles == slow.cycles
    assert fast.bounds == slow.bounds
    quick, full = fast.counters.to_dict(), slow.counters.to_dict()
    del quick["extrapolated"], full["extrapolated"]
    assert quick == full


def test_counters_and_bounds():
    lstm = Lstm(64, 100)
    simulation = simulate(lstm.program, None, values=False)
    result = timed(lstm.program)
    counters, bounds = result.counters, result.bounds
    assert counters.macs == 100 * 2 * 4 * 64 * 64
    # Weights travel as bf16, once; on an mvm engine they are read once a vector.
    assert counters.written["wmem"] == 2 * 2 * 4 * 64 * 64
    assert counters.read["wmem"] == 2 * counters.macs
    assert bounds.macs == counters.macs // 4096
    assert bounds.weights == int(2 * 2 * 4 * 64 * 64 / 25.6)
    # The weights must be there before the chain of all steps can run.
    assert bounds.binds == "arrival"
    assert bounds.weights < bounds.critical_path < bounds.arrival
    assert 0.5 * result.cycles < bounds.cycles <= result.cycles
    assert simulation.seconds == result.cycles / 1e9
    assert set(simulation.to_dict()) == {
        "machine", "numerics", "lengths", "cycles", "setup_cycles", "seconds", "counters", "bound",
        "energy",
    }  # fmt: skip


def test_streamed_weights_bind():
    lstm = Lstm(64, 100, 64)
    traffic = timed(lstm.program).bounds
    # The matrix fits wmem: loading it at each step is the program's choice, not a necessity.
    assert traffic.weights == int(2 * 2 * 4 * 64 * 64 / 25.6)


def test_machine_numerics_round_to_bf16():
    exact, rounded = Lstm(64, 5), Lstm(64, 5, numerics="machine")
    x = exact.input()
    a = simulate(exact.program, {"x": x}).outputs["y"]
    b = simulate(rounded.program, {"x": x}).outputs["y"]
    assert 1e-5 < np.abs(a - b).max() < 5e-2


def test_progress_ends_near_one():
    lstm = Lstm(16, 2000)
    seen = []
    simulate(lstm.program, {"x": lstm.input()}, progress=seen.append)
    assert seen == sorted(seen)
    assert 0.7 < seen[-1] <= 1.0
    seen.clear()
    simulate(lstm.program, None, values=False, extrapolate=False, progress=seen.append)
    assert seen and seen[-1] <= 1.0


def test_inputs_are_needed_for_values():
    lstm = Lstm(16, 4)
    with pytest.raises(InputError, match="values need inputs"):
        simulate(lstm.program, None)
    with pytest.raises(InputError, match="input 'x' is float32"):
        simulate(lstm.program, {"x": lstm.input(2)})
    with pytest.raises(InputError, match="no length 'S'"):
        simulate(lstm.program, None, lengths={"S": 1}, values=False)


def test_machine_numerics_of_other_formats_are_refused():
    formats = replace(EDGE.formats, weights="int8")
    lstm = Lstm(16, 3, machine=replace(EDGE, formats=formats), numerics="machine")
    with pytest.raises(UnsupportedError, match="products of int8 and fp32 are not simulated"):
        simulate(lstm.program, {"x": lstm.input()})
