"""One recurrent layer: hoisting its input product, unrolling its steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rnncc.bench.measure import measure
from rnncc.bench.models import recurrent_model
from rnncc.bench.transformations.row import Row, compared, edited, ready

SIZES = [(h, t) for h in (256, 1024) for t in (25, 150)]


def rows(target: str) -> Iterator[Row]:
    """Hoisting and unrolling, for LSTM and GRU of each size."""
    unrolled = edited(add="unroll-timesteps{factor=auto}", before="lower-lengths")
    for kind in ("LSTM", "GRU"):
        for hidden, steps in SIZES:
            name = f"{kind} h={hidden} T={steps}"
            run = partial(measure, recurrent_model(kind, hidden, steps), target)
            default = run("default")
            yield compared(
                name,
                target,
                "hoist-input-projection",
                partial(run, edited(drop="hoist-input-projection")),
                ready(default),
            )
            yield compared(
                name,
                target,
                "unroll-timesteps",
                ready(default),
                partial(run, unrolled),
                floor=1.0,
            )
