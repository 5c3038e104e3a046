"""Lowered layers whose weights are streamed: the simulator's wide execution gives what the loops give."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.context import Context

from rnncc.codegen import generate
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from rnncc.simulator.run import Bound

from .build import Graph, lower, lstm, random_inputs, tiny


@pytest.mark.parametrize(("wmem", "vmem", "steps"), [(300, 1 << 16, 9), (300, 1 << 12, 40)])
def test_streamed_weights_and_staged_rows(tmp_path, wmem, vmem, steps):
    g = Graph({"T": steps})
    x = g.input((steps, 1, 32), symbols=("T", "", ""))
    h, c = g.input((1, 32)), g.input((1, 32))
    module = g.module(*lstm(g, x, 32, h, c, symbol="T").results)
    target = tiny(tmp_path, wmem, vmem)
    placed = lower(module, target)
    AllocatePass(target).apply(Context(), placed)
    program = generate(placed, load_machine(target), "exact")
    lengths = {"T": steps - 1}
    inputs = random_inputs(module, lengths)
    wide, narrow = Bound(program), Bound(program, wide=False)
    (got, _), (want, _) = (b.run(inputs, lengths) for b in (wide, narrow))
    for name, array in want.items():
        np.testing.assert_allclose(got[name], array, rtol=1e-5, atol=1e-6)
    loops = sum(item.op == "loop" for item in program.instructions)
    assert len(wide.values.stays) < loops
