"""What a simulation gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rnncc.cost.bounds import Bounds
from rnncc.cost.energy import EnergyUse
from rnncc.simulator.counters import Counters


@dataclass(frozen=True)
class TimingResult:
    """The cycles of one run and what they were spent on.

    Attributes:
        cycles: until every engine is done.
        counters: what ran and what waited.
        limits: works out ``bounds``.
        energy: what it took; None when the machine does not describe it.
        setup: cycles of the program's setup, done once before the first run; no part of ``cycles``.
    """

    cycles: int
    counters: Counters
    limits: Callable[[], Bounds] = field(repr=False, compare=False)
    energy: EnergyUse | None = None
    setup: int = 0

    @cached_property
    def bounds(self) -> Bounds:
        """Lower bounds of ``cycles``; worked out when first asked for, which takes as long as the timing."""
        return self.limits()


@dataclass(frozen=True)
class SimulationResult:
    """One simulated run.

    Attributes:
        outputs: array by output name at the actual shapes; empty when values were not computed.
        machine: name of the machine.
        numerics: ``exact`` or ``machine``: what the values are.
        lengths: actual run-time length by symbol.
        timing: None when timing was switched off.
        seconds: ``cycles`` at the machine's clock; None without timing.
    """

    outputs: dict[str, np.ndarray]
    machine: str
    numerics: str
    lengths: dict[str, int] = field(default_factory=dict)
    timing: TimingResult | None = None
    seconds: float | None = None

    @property
    def cycles(self) -> int | None:
        """Machine cycles; None without timing."""
        return self.timing.cycles if self.timing else None

    @property
    def counters(self) -> Counters | None:
        """See ``Counters``; None without timing."""
        return self.timing.counters if self.timing else None

    @property
    def bounds(self) -> Bounds | None:
        """Lower bounds of the cycles; None without timing."""
        return self.timing.bounds if self.timing else None

    def to_dict(self) -> dict[str, Any]:
        """Everything but the outputs, as plain numbers, strings and dicts."""
        result: dict[str, Any] = {
            "machine": self.machine,
            "numerics": self.numerics,
            "lengths": dict(self.lengths),
        }
        if self.timing is not None:
            result["cycles"] = self.timing.cycles
            result["setup_cycles"] = self.timing.setup
            result["seconds"] = self.seconds
            result["counters"] = self.timing.counters.to_dict()
            result["bound"] = self.timing.bounds.to_dict()
            if self.timing.energy is not None:
                result["energy"] = self.timing.energy.to_dict()
        return result
