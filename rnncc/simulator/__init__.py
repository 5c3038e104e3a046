"""Values and cycles of programs on the simulated machine."""

from __future__ import annotations

from rnncc.simulator.result import SimulationResult, TimingResult
from rnncc.simulator.simulate import simulate

__all__ = ["SimulationResult", "TimingResult", "simulate"]
