"""Whether the weights of scans that are to run together fit into the weight memory together."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.passes._lower.budget import Budget, nbytes
from rnncc.passes._lower.products import weights_of

TOLERANCE = 1.25
"""Weight traffic may grow by this factor: what overlaps then still pays for it."""


def step_weights(*where: Operation) -> dict[SSAValue, int]:
    """Weight matrices of the products in operations (and their regions), with their bytes."""
    found: dict[SSAValue, int] = {}
    for op in where:
        for inner in op.walk():
            if isinstance(inner, nn.MatmulOp):
                value = weights_of(inner)
                batch = 1
                for n in shape_of(value)[:-2]:
                    batch *= n
                found[value] = nbytes(value) // max(1, batch)
    return found


def crowded(budget: Budget, apart: Iterable[dict[SSAValue, int]], extra: int = 0) -> str | None:
    """Why scans should not run together on this machine, or None when they may.

    Args:
        apart: the weights of each scan, as `step_weights` gives them.
        extra: bytes of weights that only the joined step would have.
    """
    parts = list(apart)
    together = {value: size for part in parts for value, size in part.items()}
    total = sum(together.values()) + extra
    before = sum(max(0, sum(part.values()) - budget.wmem) for part in parts)
    after = max(0, total - budget.wmem)
    if after <= before * TOLERANCE:
        return None
    return (
        f"their weights take {total} bytes together, {budget.machine.name} keeps {budget.wmem}: "
        f"{after} bytes a step would come from memory instead of {before}"
    )
