"""Measure one row: compile as the machine's own software did, count the cycles, compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import exp, log
from typing import Any

from rnncc.bench.silicon import models
from rnncc.bench.silicon.published import (
    LAYERS,
    PREDICTED,
    PREDICTED_APPLICATIONS,
    SHARES,
    Application,
    Layer,
    published,
    software,
)
from rnncc.machine import MachineDescription, load_machine
from rnncc.program import Program
from rnncc.simulator import TimingResult, simulate


@dataclass(frozen=True)
class LayerRow:
    """One layer on one machine.

    Attributes:
        kind, hidden, steps: the layer.
        cycles: of one run, weights that stay on chip loaded before.
        step: cycles a step, the way in and out included.
        milliseconds: of the run.
        tflops: operations of the products that were measured (a MAC is two) over the time.
        use: share of the machine's peak.
        bound, binds: the largest lower bound, in cycles, and what it is.
        published: milliseconds, or None.
        predicted: whether no number of the machine was chosen with a look at what was published for the row.
    """

    kind: str
    hidden: int
    steps: int
    cycles: int
    step: float
    milliseconds: float
    tflops: float
    use: float
    bound: int
    binds: str
    published: float | None
    predicted: bool = False

    @property
    def error(self) -> float | None:
        """Relative error of the time; None when nothing is published."""
        return self.milliseconds / self.published - 1 if self.published else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return {**asdict(self), "error": self.error}


@dataclass(frozen=True)
class ApplicationRow:
    """One application of the TPU paper.

    Attributes:
        name, machine: what ran where.
        cycles: of one batch.
        tops: operations that the model needs (a MAC is two) over the time.
        published: throughputs that the paper supports; the nearest one counts.
        shares, published_shares: percent of cycles by name.
        predicted: whether no number of the machine was chosen with a look at what was published for the row.
    """

    name: str
    machine: str
    cycles: int
    tops: float
    published: tuple[float, ...]
    shares: dict[str, float]
    published_shares: dict[str, float]
    predicted: bool = False

    @property
    def error(self) -> float | None:
        """Relative error against the nearest of the published throughputs; None without any."""
        errors = [self.tops / value - 1 for value in self.published]
        return min(errors, key=abs, default=None)

    @property
    def share_error(self) -> float | None:
        """The largest difference of a share, in points; None when none is published."""
        known = self.published_shares.items()
        return max((abs(self.shares[name] - value) for name, value in known), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return {**asdict(self), "error": self.error, "share_error": self.share_error}


def layer_rows(
    target: str, layers: Sequence[Layer] | None = None, pipeline: str | None = None
) -> Iterator[LayerRow]:
    """Measure DeepBench layers on a machine.

    Args:
        target: machine name or file.
        layers: which; all of DeepBench's when None.
        pipeline: instead of the one that mirrors the machine's own software.

    Raises:
        RnnccError: whatever compiling or running a layer raises.
    """
    machine = load_machine(target)
    known, predicted = published(machine.name), PREDICTED.get(machine.name, {})
    chosen = list(dict.fromkeys([*LAYERS, *known])) if layers is None else list(layers)
    longest: dict[tuple[str, int], int] = {}
    # Also where only some lengths are asked for: what a program is compiled for may move its cycles.
    for kind, hidden, steps in (*LAYERS, *known, *chosen):
        longest[kind, hidden] = max(steps, longest.get((kind, hidden), 0))
    program, made = None, None
    for layer in sorted(chosen, key=lambda item: (item[0] != "LSTM", item[1], item[2])):
        key = layer[:2]
        if program is None or made != key:
            program, made = layer_program(target, machine, *key, longest[key], pipeline), key
        row = measure_layer(program, layer, known.get(layer))
        yield replace(row, predicted=layer in predicted)


def layer_program(
    target: str,
    machine: MachineDescription,
    kind: str,
    hidden: int,
    steps: int,
    pipeline: str | None,
) -> Program:
    """A layer compiled for up to so many steps."""
    import rnncc

    how = software(machine.name)
    model = (
        models.layer(kind, hidden, how.reset_first)
        if how.input_product
        else models.recurrent_part(kind, hidden)
    )
    return rnncc.compile(model, target, pipeline or how.pipeline, {"x": (steps, 1, hidden)})


def measure_layer(program: Program, layer: Layer, published: float | None = None) -> LayerRow:
    """Count the cycles of a layer's program at a number of steps."""
    kind, hidden, steps = layer
    lengths = dict.fromkeys(program.symbols, steps)
    timing = simulate(program, None, lengths=lengths, values=False).timing
    assert timing is not None
    machine = program.machine
    seconds = machine.seconds(timing.cycles)
    products = 2 if software(machine.name).input_product else 1
    operations = 2 * products * models.GATES[kind] * hidden * hidden * steps
    peak = 2 * machine.peak_macs_per_cycle * machine.clock_hz
    return LayerRow(
        kind, hidden, steps, timing.cycles, timing.cycles / steps, seconds * 1e3, operations / seconds / 1e12,
        operations / seconds / peak, timing.bounds.cycles, timing.bounds.binds, published,
    )  # fmt: skip


def measure_application(
    application: Application, target: str | None = None, pipeline: str | None = None
) -> ApplicationRow:
    """Compile and count one of the TPU paper's applications.

    Args:
        application: which.
        target: instead of TPU v1, for which alone there are published figures.
        pipeline: instead of the one that mirrors the machine's own software.

    Raises:
        RnnccError: whatever compiling or running it raises.
    """
    import rnncc

    model = getattr(models, application.name)()
    target = target or application.machine
    pipeline = pipeline or software(load_machine(target).name).pipeline
    program = rnncc.compile(model, target, pipeline)
    timing = simulate(program, None, values=False).timing
    assert timing is not None
    return _application(application, program, timing)


def _application(
    application: Application, program: Program, timing: TimingResult
) -> ApplicationRow:
    counters = timing.counters
    seconds = program.machine.seconds(timing.cycles)
    known = program.machine.name == application.machine
    return ApplicationRow(
        application.name,
        program.machine.name,
        timing.cycles,
        2 * needed_macs(application.name) / seconds / 1e12,
        application.tops if known else (),
        {name: 100 * counters.array[name] / timing.cycles for name in SHARES},
        dict(zip(SHARES, application.shares, strict=True)) if known else {},
        application in PREDICTED_APPLICATIONS,
    )


def needed_macs(name: str) -> int:
    """Multiply-accumulates of an application without padding: weights times the places that each one meets."""
    if name != "cnn0":
        weights, batch = models.weights_and_batch(name)
        return weights * batch
    return (48 * 256 * 25 + 13 * 256**2 * 9 + 2 * 256**2) * 8 * 19 * 19


def geometric_mean(errors: Sequence[float]) -> float:
    """The geometric mean of how far measured and published are apart (1 = nothing), from relative errors."""
    return exp(sum(abs(log(1 + error)) for error in errors) / len(errors)) if errors else 1.0
