"""Counters that a program writes beside its outputs: how many steps a gate has skipped.

A counter is an output ``rnncc.skipped.NUMBER.NAME`` of type i64 [2]: steps skipped, and steps in all.
The runtime takes counters out of the outputs and puts them into the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncc.side_outputs import take_out

PREFIX = "rnncc.skipped."
"""How the name of a counter's output begins."""


@dataclass(frozen=True)
class Skipped:
    """What one gate did in one run.

    Attributes:
        name: the ONNX node of the recurrence, or "" when it has none.
        skipped: steps that kept state and output.
        steps: steps that the recurrence was run for.
    """

    name: str
    skipped: int
    steps: int

    def __str__(self) -> str:
        share = self.skipped / self.steps if self.steps else 0.0
        where = f"'{self.name}'" if self.name else "a recurrence"
        return f"gate-frames: {where} skipped {self.skipped} of {self.steps} steps ({share:.0%})"

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {"name": self.name, "skipped": self.skipped, "steps": self.steps}


def counter_name(number: int, node: str) -> str:
    """The name of the output for the gate of recurrence `number` (from 0) of a program."""
    return f"{PREFIX}{number}.{node}"


def take_counters(
    outputs: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], list[Skipped]]:
    """The other outputs, and the counters."""
    own, found = take_out(outputs, PREFIX, 2)
    return own, [Skipped(node, skipped, steps) for (_, node), skipped, steps in found]
