"""What a step costs under each policy at each number of rows: the simulator's cycles of the policy's own programs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.compiler import Compilation
from rnncc.errors import PassError, UnsupportedError
from rnncc.serving.inputs import batch_inputs

if TYPE_CHECKING:
    from rnncc.program import Program

PIPELINES = {
    "pad": "throughput{{size={size} policy=pad ragged=true}}",
    "pack": "throughput{{size={size} policy=pack}}",
    "cellular": "throughput{{size={size} policy=cellular requests={size}}}",
}
"""The programs of each policy. A batch of ``pad`` or ``pack`` runs in the one for the next larger power of 2;
``cellular`` has one for all slots."""


@dataclass(frozen=True)
class StepCosts:
    """Seconds of one step of a program and of what surrounds the steps, by rows at work.

    The cost of rows between two numbers that were timed lies between theirs.

    Attributes:
        sizes: numbers of rows that were timed, rising.
        steps: seconds a step at each; a step for a row more is never cheaper.
        starts: seconds before the first step and after the last one of a batch at each: inputs, outputs.
    """

    sizes: tuple[int, ...]
    steps: tuple[float, ...]
    starts: tuple[float, ...]
    _cache: dict[int, float] = field(default_factory=dict, compare=False, repr=False)

    def step(self, rows: int) -> float:
        """Seconds of one step with `rows` rows at work."""
        if rows not in self._cache:
            self._cache[rows] = _between(self.sizes, self.steps, rows)
        return self._cache[rows]

    def start(self, rows: int) -> float:
        """Seconds that a batch of `rows` rows costs beside its steps."""
        return _between(self.sizes, self.starts, rows)

    def join(self, count: int) -> float:
        """Seconds that `count` requests cost when they join a running batch: their share of a start."""
        return self.start(count) - self.start(1) if count > 1 else 0.0


@dataclass(frozen=True)
class PolicyCosts:
    """What a policy's programs cost.

    Attributes:
        programs: rows that a program has, rising -> its costs.
        clock_hz: the machine's clock.
        longest: the most steps that the programs run.
    """

    programs: dict[int, StepCosts]
    clock_hz: float
    longest: int

    def program(self, rows: int) -> StepCosts:
        """The costs of the smallest program for that many rows."""
        return self.programs[next((n for n in self.programs if n >= rows), max(self.programs))]


def _between(sizes: Sequence[int], values: Sequence[float], size: int) -> float:
    place = bisect_left(sizes, size)
    if place == 0 or sizes[min(place, len(sizes) - 1)] == size:
        return values[min(place, len(values) - 1)]
    if place == len(sizes):
        return values[-1] * size / sizes[-1]
    left, right = sizes[place - 1], sizes[place]
    share = (size - left) / (right - left)
    return values[place - 1] + share * (values[place] - values[place - 1])


def measure(
    model: str | Path, target: str, slots: int, policy: str, shapes: dict | None = None
) -> PolicyCosts:
    """Compile the policy's programs for up to `slots` sequences, and time them for few steps and for many.

    The weights are loaded once, when the server starts: the cost of a start is what a batch takes more than the
    smallest batch does, beside the steps.

    Raises:
        UnsupportedError: the model has no run-time length, so that it has no steps to time.
        RnnccError: whatever compiling it raises; a model that the policy cannot serve.
    """
    sizes = _powers(slots)
    first: float | None = None
    programs: dict[int, StepCosts] = {}
    clock, longest = 0.0, 0
    for size in sizes if policy != "cellular" else [slots]:
        program = _program(model, target, policy, size, shapes)
        clock = program.machine.clock_hz
        ((_, entry),) = program.symbols.items()
        longest = entry.maximum
        rows = {"pad": [size], "pack": sorted({1, -(-size // 2), size}), "cellular": sizes}[policy]
        measured = [_timed(program, n, longest) for n in rows]
        steps = [m[0] / clock for m in measured]
        if first is None:
            first = measured[0][1]
        programs[size] = StepCosts(
            tuple(rows),
            tuple(max(steps[: i + 1]) for i in range(len(steps))),
            tuple(max(0.0, m[1] - first) / clock for m in measured),
        )
    return PolicyCosts(programs, clock, longest)


def _powers(slots: int) -> list[int]:
    """1, 2, 4 ... `slots`."""
    sizes = [1]
    while sizes[-1] < slots:
        sizes.append(min(2 * sizes[-1], slots))
    return sizes


def _program(
    model: str | Path, target: str, policy: str, size: int, shapes: dict | None
) -> Program:
    """The program, checked to have steps that can be timed."""
    pipeline = PIPELINES[policy].format(size=size)
    compilation = Compilation(model, target=target, shapes=shapes, pipeline=pipeline)
    try:
        program = compilation.program()
    except PassError as error:
        if not error.message.startswith("batch-sequences"):
            raise
        # What batch-sequences itself advises are other batches than those that are served.
        hint = (
            "requests differ in length: a model to serve steps through its input in recurrences, "
            "and nothing else in it looks along the time"
        )
        if policy == "cellular":
            hint = "leave cellular out: --policies pad,pack"
        raise PassError(f"{policy}: {error.message}", hint) from error
    if len(program.symbols) != 1:
        reason = compilation.static_reason or f"it has {len(program.symbols)} run-time lengths"
        raise UnsupportedError(
            f"serve-sim needs a model with one run-time length: {reason}",
            "export it with a free dimension of time",
        )
    ((_, entry),) = program.symbols.items()
    if entry.maximum < 4:
        raise PassError(
            f"serve-sim needs at least 4 steps to time one, not {entry.maximum}",
            "raise --max-length",
        )
    return program


def _timed(program: Program, rows: int, longest: int) -> tuple[float, float]:
    """Cycles a step, and cycles beside the steps."""
    few = longest // 2
    cycles = [
        program.run(batch_inputs(program, rows, n), values=False).cycles or 0
        for n in (few, longest)
    ]
    step = (cycles[1] - cycles[0]) / (longest - few)
    return step, max(0.0, cycles[1] - longest * step)
