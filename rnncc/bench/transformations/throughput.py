"""Many independent sequences in one run: cycles a sequence against those of one alone; packed against padded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from rnncc.bench.measure import measure
from rnncc.bench.models import recurrent_model
from rnncc.bench.transformations.row import Row, compared, ready

FLOORS = {("bw-s10", 8): 4.0, ("tpu-v1", 64): 20.0}
"""What is asked for by machine and batch: interleaved sequences hide Brainwave's latency, and share each weight that
the TPU reads."""
PACK = 1.5
"""What packing must gain where multiply-accumulates bind the padded batch."""
RAGGED = {32: True, 64: False}
"""Sequences of the ragged batches -> whether the floor holds: the rows of 64 do not fit edge's vector memory, so that
transfers bind, not MACs."""
SHORTEST, LONGEST = 5, 150
"""Lengths of the ragged batches, drawn evenly (seed 0), the longest one among them."""


def rows(target: str) -> Iterator[Row]:
    """Batches of 8 and 64, and ragged ones packed."""
    hidden, steps = 1024, 25
    run = partial(measure, recurrent_model("LSTM", hidden, steps), target)
    one = run("default")
    for size in (8, 64):
        yield compared(
            f"LSTM h={hidden} T={steps}",
            target,
            f"batch-sequences{{size={size}}}",
            ready(one),
            partial(run, f"throughput{{size={size} policy=pad}}", work=size),
            unit="sequence",
            floor=FLOORS.get((target, size)),
        )
    for size, floor in RAGGED.items():
        yield _packed(target, size, floor)


def _packed(target: str, size: int, floor: bool) -> Row:
    hidden = 256
    lengths = np.random.default_rng(0).integers(SHORTEST, LONGEST + 1, size).astype(np.int32)
    lengths[0] = LONGEST
    run = partial(
        measure,
        recurrent_model("LSTM", hidden, LONGEST),
        target,
        # The states are zero throughout: only the lengths change the cycles.
        inputs={"x": np.zeros((LONGEST, size, hidden), np.float32), "lengths": lengths},
        work=size,
    )
    row = compared(
        f"LSTM h={hidden}, {size} of {SHORTEST} to {LONGEST} steps",
        target,
        "policy=pack, not pad",
        partial(run, f"throughput{{size={size} policy=pad ragged=true}}"),
        partial(run, f"throughput{{size={size} policy=pack}}"),
        unit="sequence",
        note=f"{lengths.mean():.1f} steps on average, {LONGEST / lengths.mean():.2f} times fewer than padded",
    )
    binds = row.before is not None and row.before.binds == "macs"
    return replace(row, floor=PACK if floor and (binds or row.problem) else None)
