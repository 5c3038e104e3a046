"""A bidirectional LSTM whose halves advance together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rnncc.bench.measure import measure
from rnncc.bench.models import recurrent_model
from rnncc.bench.transformations.row import Row, compared, edited


def rows(target: str) -> Iterator[Row]:
    """Fused alone, and unrolled on top of it."""
    fuse = "fuse-directions"
    for hidden, steps in ((256, 150), (1024, 25)):
        name = f"bidirectional LSTM h={hidden} T={steps}"
        run = partial(measure, recurrent_model("LSTM", hidden, steps, bidirectional=True), target)
        fused = partial(run, edited(add=fuse, before="lower-lengths"))
        both = edited(add=f"{fuse},unroll-timesteps{{factor=auto}}", before="lower-lengths")
        yield compared(name, target, fuse, partial(run, "default"), fused)
        yield compared(name, target, "unroll after it", fused, partial(run, both), floor=1.0)
