"""What a step costs at each batch size: the simulator's cycles of compiled programs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnncc.compiler import Compilation
from rnncc.errors import PassError, UnsupportedError

PIPELINES = tuple(
    f"front,decompose-cells,fuse-gates,batch-sequences{{{{size={{size}}}}}},{hoist}"
    "lower-lengths,canonicalize,cse,dce,back"
    for hoist in ("hoist-input-projection,", "")
)
"""The programs whose steps are timed: a dense batch, with its input products hoisted and without.

Hoisting pays where weights are streamed; where they are resident and many rows' products do not fit on chip, it
costs a round trip to DRAM. The cheaper one is taken at each size.
"""


@dataclass(frozen=True)
class StepCosts:
    """Seconds of one step and of what surrounds the steps, by batch size.

    Measured at some sizes; between two of them the cost is interpolated, a step for a row more never being
    cheaper.

    Attributes:
        sizes: batch sizes that were compiled, rising from 1.
        steps: seconds a step at each.
        starts: seconds before the first step and after the last one of a batch at each: loads of inputs, outputs.
        clock_hz: the machine's clock.
        longest: the most steps that the programs run.
    """

    sizes: tuple[int, ...]
    steps: tuple[float, ...]
    starts: tuple[float, ...]
    clock_hz: float
    longest: int
    _cache: dict[int, float] = field(default_factory=dict, compare=False, repr=False)

    def step(self, size: int) -> float:
        """Seconds of one step of `size` rows."""
        if size not in self._cache:
            self._cache[size] = _between(self.sizes, self.steps, size)
        return self._cache[size]

    def start(self, size: int) -> float:
        """Seconds that a batch of `size` rows costs beside its steps."""
        return _between(self.sizes, self.starts, size)

    def join(self, count: int) -> float:
        """Seconds that `count` requests cost when they join a running batch: their share of a start."""
        return self.start(count) - self.start(1) if count > 1 else 0.0


def _between(sizes: Sequence[int], values: Sequence[float], size: int) -> float:
    place = bisect_left(sizes, size)
    if place == 0 or sizes[min(place, len(sizes) - 1)] == size:
        return values[min(place, len(values) - 1)]
    if place == len(sizes):
        return values[-1] * size / sizes[-1]
    left, right = sizes[place - 1], sizes[place]
    share = (size - left) / (right - left)
    return values[place - 1] + share * (values[place] - values[place - 1])


def measure(model: str | Path, target: str, slots: int, shapes: dict | None = None) -> StepCosts:
    """Compile the model for 1, 2, 4 ... `slots` sequences, and time it for few steps and for many.

    The weights are loaded once, when the server starts: the cost of a start is what a batch of some size takes more
    than a batch of one, beside the steps.

    Raises:
        UnsupportedError: the model has no run-time length, so that it has no steps to time.
        RnnccError: whatever compiling it raises.
    """
    sizes = [1]
    while sizes[-1] < slots:
        sizes.append(min(2 * sizes[-1], slots))
    measured = [
        min(_timed(model, target, shapes, text.format(size=size)) for text in PIPELINES)
        for size in sizes
    ]
    steps = [m[0] for m in measured]
    first = measured[0][1]
    return StepCosts(
        tuple(sizes),
        tuple(max(steps[: i + 1]) for i in range(len(steps))),
        tuple(max(0.0, m[1] - first) for m in measured),
        *measured[0][2:],
    )


def _timed(
    model: str | Path, target: str, shapes: dict | None, pipeline: str
) -> tuple[float, float, float, int]:
    """Seconds a step, seconds beside the steps, the clock, the most steps."""
    compilation = Compilation(model, target=target, shapes=shapes, pipeline=pipeline)
    program = compilation.program()
    if len(program.symbols) != 1:
        reason = compilation.static_reason or f"it has {len(program.symbols)} run-time lengths"
        raise UnsupportedError(
            f"serve-sim needs a model with one run-time length: {reason}",
            "export it with a free dimension of time",
        )
    ((symbol, entry),) = program.symbols.items()
    if entry.maximum < 4:
        raise PassError(
            f"serve-sim needs at least 4 steps to time one, not {entry.maximum}",
            "raise --max-length",
        )
    clock = program.machine.clock_hz
    few, many = entry.maximum // 2, entry.maximum
    cycles = [program.run(None, values=False, lengths={symbol: n}).cycles or 0 for n in (few, many)]
    step = (cycles[1] - cycles[0]) / (many - few)
    return step / clock, max(0.0, cycles[1] - many * step) / clock, clock, many
