"""The timeline of one run: when each instruction was sent, started and was done, and on what it waited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnncc.cost.vector import IN_UNITS
from rnncc.isa.write import write_instruction
from rnncc.program import Program
from rnncc.program.text import locator
from rnncc.simulator.lengths import MAX_INSTRUCTIONS, start_registers
from rnncc.simulator.recording import Event, RecordingClock
from rnncc.simulator.shape import ENGINE_NAMES
from rnncc.simulator.simulate import control_trace, tree
from rnncc.simulator.structure import split
from rnncc.simulator.timing import Timing

LIMIT = 400_000
"""Instructions of a run that is recorded; a trace of so many is some 100 MB."""


@dataclass(frozen=True)
class Timeline:
    """One recorded run.

    Attributes:
        program: what ran.
        lengths: actual run-time length by symbol.
        cycles: of the whole run.
        events: one an engine's instruction, in the order of dispatch.
        controls: (from, to, operation) of what the dispatcher did itself, in cycles; a wait for a scalar is ``sync``.
    """

    program: Program
    lengths: dict[str, int]
    cycles: int
    events: list[Event]
    controls: list[tuple[int, int, str]]

    @cached_property
    def nodes(self) -> list[str]:
        """The ONNX node that each instruction comes from, or the kind of one that comes from none (a copy to an
        output); "" when the program does not say.
        """
        names = self.program.source_map or [""] * len(self.program.instructions)
        return [name.rpartition(" / ")[0] or (name and f"no node: {name}") for name in names]

    @cached_property
    def texts(self) -> list[str]:
        """Each instruction as assembler text, without indentation."""
        locate = locator(self.program)
        return [write_instruction(item, None, locate) for item in self.program.instructions]

    def lane_names(self) -> list[tuple[int, int, str]]:
        """(engine, lane, name) of every row: DMA channels and places in a chain apart."""
        dma, vector = self.program.machine.dma, self.program.machine.vector
        count = {
            "dma": dma.channels * dma.queues,
            "vector": vector.units * len(IN_UNITS) if vector.kind == "chain" else 1,
        }
        rows = []
        for number, name in enumerate(ENGINE_NAMES):
            lanes = count.get(name, 1)
            rows += [(number, n, f"{name} {n}" if lanes > 1 else name) for n in range(lanes)]
        return rows


def record(
    program: Program,
    inputs: Mapping[str, np.ndarray] | None = None,
    lengths: Mapping[str, int] | None = None,
    limit: int = LIMIT,
) -> Timeline:
    """Time a program and keep every instruction's times. The cycles are those of an ordinary run.

    Args:
        program: compiled, or loaded from a file.
        inputs: array by input name at the actual sizes; needed only when the program's control depends on data.
        lengths: symbol -> actual length; the maximum where not given.
        limit: instructions after which the run is refused.

    Raises:
        InputError: inputs are needed and missing, or a length does not fit.
        SimulationError: the run has more instructions than ``limit``, or does what the machine refuses.
    """
    actual = {name: s.maximum for name, s in program.symbols.items()} | dict(lengths or {})
    registers = start_registers(program, actual)
    trace = control_trace(program, inputs, actual)
    clock = RecordingClock(program.machine, limit)
    _, body = split(tree(program), program.setup)
    timing = Timing(
        program.instructions,
        body,
        program.machine,
        extrapolate=False,
        clock=clock,
        ports=program.ports,
    )
    cycles = timing.run(registers, trace, MAX_INSTRUCTIONS)
    return Timeline(program, actual, cycles, clock.events, clock.controls)
