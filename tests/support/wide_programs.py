"""Programs whose loops the simulator may execute at once, and the comparison of both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from sim_programs import at, copy, program, vm

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction, Operand
from rnncc.machine.rounding import Scaled
from rnncc.simulator.run import Bound

WORDS = 512
RANDOM = np.random.default_rng(3)
DATA = RANDOM.integers(-3, 4, WORDS).astype(np.float32)
WEIGHTS = RANDOM.integers(-1, 2, (64, 4)).astype(np.float32)
SEGMENTS = [("d", "const", DATA), ("w", "const", WEIGHTS), ("out", "output", (WORDS,))]
W, OUT = 4 * WORDS, 4 * WORDS + WEIGHTS.nbytes


def scalar(kind: str, rd: int, ra: int, imm: int) -> Instruction:
    return Instruction("s", kind, imm=(imm,), rd=rd, ra=ra)


def state(code: Any, wide: bool, **options: Any) -> tuple[Any, Bound]:
    """All that a run leaves: memory, matrices, or its error."""
    run = Bound(code, wide=wide)
    try:
        run.run({}, {}, **options)
    except SimulationError as error:
        return str(error), run
    matrices = run.values.decoder.matrices
    held = {
        key: _real(matrices.store[slot])
        for key, slot in matrices._slots.items()
        if slot in matrices.store
    }
    regions = {r.name: r.data.view(np.float32) for r in (*run.memory.dram, run.memory.vmem)}
    return {**regions, **held}, run


def _real(matrix: np.ndarray | Scaled) -> np.ndarray:
    return matrix.values * matrix.scale[:, None] if isinstance(matrix, Scaled) else matrix


def agree(code: Any, **options: Any) -> Bound:
    """Both ways leave the same; gives the wide one."""
    (got, run), (want, _) = state(code, True, **options), state(code, False, **options)
    if isinstance(want, str):
        assert got == want
        return run
    assert got.keys() == want.keys()
    for name, array in want.items():
        np.testing.assert_array_equal(got[name], array, err_msg=str(name))
    return run


def build(items: list, **parts: Any) -> Any:
    """The items after vector memory was filled with data."""
    start = copy(vm(0), at("dram", 0), (1, 1, WORDS))
    code = program([start, *items], SEGMENTS, outputs=("out",), memory={"vmem": 4 * WORDS}, **parts)
    code.validate()
    return code


INDEX, OUTER, PARITY, SUM = 2, 1, 3, 4
"""Registers: of the loop, of the one around it; the index modulo 2; index plus 4 times the outer one."""


def rows(memory: str, base: int, step: int = 0, index: int = INDEX) -> Operand:
    return at(memory, base, (0, 16, 4), index if step else 0, step)
