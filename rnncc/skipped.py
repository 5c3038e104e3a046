"""Counters that a program writes beside its outputs: how many steps a gate has skipped.

A counter is an output ``rnncc.skipped.NUMBER.NAME`` of type i64 [2]: steps skipped, and steps in all.
The runtime takes counters out of the outputs and puts them into the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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


def is_counter(name: str) -> bool:
    """Whether an output is a counter."""
    return name.startswith(PREFIX)


def take_counters(
    outputs: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], list[Skipped]]:
    """The model's own outputs, and the counters."""
    own = {name: value for name, value in outputs.items() if not is_counter(name)}
    found = []
    for name, value in outputs.items():
        if is_counter(name):
            node = name.removeprefix(PREFIX).partition(".")[2]
            found.append(Skipped(node, int(value[0]), int(value[1])))
    return own, found
