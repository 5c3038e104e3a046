"""Four LSTM layers on the diagonal."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rnncc.bench.measure import measure
from rnncc.bench.models import recurrent_model
from rnncc.bench.transformations.row import Row, compared, edited

LAYERS = 4
FLOOR = {"bw-s10": 2.5}
"""Asked for on a machine that latency binds. Brainwave's chains leave little: its bound says how much."""


def rows(target: str) -> Iterator[Row]:
    """Wavefront alone, and unrolled on top of it."""
    wave = "wavefront-layers"
    for hidden, steps in ((256, 150), (256, 25)):
        name = f"{LAYERS} x LSTM h={hidden} T={steps}"
        run = partial(measure, recurrent_model("LSTM", hidden, steps, layers=LAYERS), target)
        with_wave = partial(run, edited(add=wave, before="lower-lengths"))
        both = edited(add=f"{wave},unroll-timesteps{{factor=auto}}", before="lower-lengths")
        floor = FLOOR.get(target) if steps == 150 else None
        yield compared(name, target, wave, partial(run, "default"), with_wave, floor=floor)
        yield compared(name, target, "unroll after it", with_wave, partial(run, both), floor=1.0)
