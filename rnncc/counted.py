"""Outputs that have as many rows as a loop has had iterations: a count beside each, which the runtime takes out.

A program holds such an output at its largest size, zero behind the rows that were made; its count is an output
``rnncc.count.NAME`` of type i64 without dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

PREFIX = "rnncc.count."
"""How the name of a count's output begins."""


def trimmed(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The model's own outputs, those with a count at their actual number of rows."""
    counts = {
        name.removeprefix(PREFIX): int(value)
        for name, value in outputs.items()
        if name.startswith(PREFIX) and value.size == 1
    }
    own = {name: value for name, value in outputs.items() if not name.startswith(PREFIX)}
    return {name: value[: counts[name]] if name in counts else value for name, value in own.items()}
