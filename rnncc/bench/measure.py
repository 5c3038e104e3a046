"""Compile a model for a machine and count the cycles of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from rnncc.runtime import Result


@dataclass(frozen=True)
class Measured:
    """The cycles of one run.

    Attributes:
        cycles: of the whole program, the loading of inputs and weights included.
        bound: the largest lower bound of ``rnncc.cost.bounds``, in cycles.
        binds: which bound that is.
        clock_hz: of the machine.
        work: how many units (sequences, tokens, clips) the run did.
    """

    cycles: int
    bound: int
    binds: str
    clock_hz: float
    work: float = 1.0

    @property
    def per_unit(self) -> float:
        """Cycles a unit of work."""
        return self.cycles / self.work

    @property
    def bound_per_unit(self) -> float:
        """Lower bound a unit of work."""
        return self.bound / self.work


def measure(
    model: onnx.ModelProto | str | Path,
    target: str,
    pipeline: str = "default",
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    inputs: Mapping[str, Any] | None = None,
    lengths: Mapping[str, int] | None = None,
    work: float = 1.0,
) -> Measured:
    """Compile and run once, without values unless the program's control depends on them.

    Args:
        model: what ``rnncc.compile`` takes.
        target: a machine.
        pipeline: passes and named pipelines.
        shapes: of inputs whose shape the model leaves open.
        inputs: arrays by name; needed where a branch or an extent depends on data (ragged batches).
        lengths: symbol -> run-time length.
        work: units of work of this run, for throughput.

    Raises:
        RnnccError: whatever compiling or running it raises.
    """
    import rnncc

    program = rnncc.compile(model, target, pipeline, shapes)
    return measured(program.run(inputs, values=False, lengths=lengths), work)


def in_all(runs: Sequence[Measured], work: float) -> Measured:
    """Several runs on one machine as one that did so much work; what binds is that of the first."""
    cycles, bound = sum(m.cycles for m in runs), sum(m.bound for m in runs)
    return replace(runs[0], cycles=cycles, bound=bound, work=work)


def measured(result: Result, work: float = 1.0) -> Measured:
    """The figures of a run that was timed."""
    timing = result.report.simulation.timing
    assert timing is not None
    bounds, machine = timing.bounds, result.report.program.machine
    return Measured(timing.cycles, bounds.cycles, bounds.binds, machine.clock_hz, work)
