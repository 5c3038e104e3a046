"""Four LSTM layers on the diagonal."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rnncc.bench.measure import measure
from rnncc.bench.models import recurrent_model
from rnncc.bench.transformations.row import Row, compared, edited, ready

LAYERS = 4
FLOORS = {("edge", 32): 2.5, ("bw-s10", 256): 2.5}
"""Asked for on a machine that latency binds, by machine and hidden size: small layers on edge, whose critical path is
what a long sequence costs there; on Brainwave the passes of its vector units bind before that."""


def rows(target: str) -> Iterator[Row]:
    """The wavefront, with every program unrolled as far as it gains; and what unrolling does to it."""
    unroll, wave = "unroll-timesteps{factor=auto}", "wavefront-layers"
    for hidden, steps in ((32, 600), (256, 150)):
        name = f"{LAYERS} x LSTM h={hidden} T={steps}"
        run = partial(measure, recurrent_model("LSTM", hidden, steps, layers=LAYERS), target)
        apart = run(edited(add=unroll, before="lower-lengths"))
        rolled = partial(run, edited(add=wave, before="lower-lengths"))
        both = compared(
            name,
            target,
            wave,
            ready(apart),
            partial(run, edited(add=f"{wave},{unroll}", before="lower-lengths")),
            floor=FLOORS.get((target, hidden)),
        )
        yield both
        yield compared(
            name, target, "unroll alone", partial(run, "default"), ready(apart), floor=1.0
        )
        if both.after is not None:
            after = both.after
            yield compared(name, target, "unroll after it", rolled, ready(after), floor=1.0)
