"""Loop bodies of recurrent cells on real machines: as the list scheduler orders them, and as they are pipelined."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from xdsl.context import Context

from rnncc.codegen import generate
from rnncc.compiler import Compilation
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.schedule import SchedulePass
from rnncc.pipeline import Pipeline
from tests.unit.backend import cells
from tests.unit.backend.turns import turns_of

MACHINES = ("edge", "tpu-v1", "tpu-v3", "v100", "plasticine-rnn", "bw-s10")
HIDDEN = 96
CELLS = {
    "LSTM": lambda: cells.plain("LSTM", HIDDEN),
    "LSTM with peepholes": lambda: cells.lstm_with_peepholes(HIDDEN),
    "GRU": lambda: cells.plain("GRU", HIDDEN),
    "GRU, reset before": lambda: cells.gru_reset_before(HIDDEN),
    "RNN": lambda: cells.plain("RNN", HIDDEN),
    "minGRU": lambda: cells.min_gru(HIDDEN),
    "LSTM, bidirectional": lambda: cells.plain("LSTM", HIDDEN, bidirectional=True),
    "GRU, bidirectional": lambda: cells.plain("GRU", HIDDEN, bidirectional=True),
    "LSTM, 2 layers": lambda: cells.plain("LSTM", HIDDEN, layers=2),
    "GRU, 2 layers": lambda: cells.plain("GRU", HIDDEN, layers=2),
    "minGRU, 2 layers": lambda: cells.min_gru(HIDDEN, layers=2),
}
"""Cells by name, all with biases."""
WIDE = ("GRU, bidirectional", "LSTM, bidirectional", "LSTM, 2 layers", "GRU, 2 layers", "minGRU, 2 layers")  # fmt: skip
FORMS = {
    # The input product before the loop, both products in it, several scans in one, two steps a turn.
    "hoisted": "fuse-gates,hoist-input-projection",
    "whole": "",
    "joined": "fuse-gates,hoist-input-projection,fuse-directions,wavefront-layers",
    "unrolled": "fuse-gates,hoist-input-projection,unroll-timesteps{factor=2}",
}
"""What the loop's body is made of, by name."""


@dataclass(frozen=True)
class Bodies:
    """A loop in list order, and as the scheduler repeats it.

    Attributes:
        machine: the machine.
        plain: turns of the loop with its body in list order, one after the other.
        kernel: turns of the pipelined loop.
    """

    machine: object
    plain: list
    kernel: list


def forms_of(cell):
    """The forms that make different bodies of a cell."""
    return ("joined",) if cell in WIDE else ("hoisted", "whole", "unrolled")


@lru_cache(maxsize=64)
def _front(cell, form):
    names = ["front", "decompose-cells", FORMS[form], "lower-lengths", "canonicalize", "cse", "dce"]
    return Compilation(CELLS[cell](), pipeline=",".join(n for n in names if n)).module()


def bodies(cell, form, target):
    """The loop of a cell on a machine."""
    module, machine = _front(cell, form).clone(), load_machine(target)
    Pipeline("place-memory,tile-for-machine,lower-to-npu").apply(
        Context(), module, target=target, numerics="exact"
    )
    found = []
    for policy in ("list", "modulo"):
        trial = module.clone()
        SchedulePass(policy=policy, target=target).apply(Context(), trial)
        AllocatePass(target=target).apply(Context(), trial)
        found.append(turns_of(generate(trial, machine, "exact")))
    return Bodies(machine, *found)
