"""``unroll-timesteps{factor=auto}``: lower the module with several factors and time each.

One scan after the other tries larger and larger factors while the others keep theirs, until one
saves nothing; a factor that an earlier pass measured (``accumulate-products``) is where it starts.
A factor stays if the whole program takes fewer cycles with it at the largest run-time lengths (by
1 in 500, as a longer program is not free), and not more at one step less or at half of them. With
many scans the same factors are tried on all at once, and steps that would become very long are not
tried, so that the time to compile stays in proportion. A program whose times depend on its data
(lengths of rows) is timed on random inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.dialects.rnn import ScanOp
from rnncc.errors import RnnccError
from rnncc.machine import load_machine
from rnncc.passes._lower.scan import unroll_of
from rnncc.passes._remarks import remark, title, titles
from rnncc.passes._trial import MANY, better, cycles_if_fit, measure

FACTORS = (2, 4, 8)
"""What is compared with 1."""
LONGEST = 600
"""Operations in one turn beyond which no factor is tried."""
BUSY = 100
"""Instructions of the machine in one turn beyond which no factor is tried: where so many panels of weights pass
through, a turn's start and end are little of it, and the panels follow one another across turns anyway."""
NAME = "unroll-timesteps"


def choose(ctx: Context, module: ModuleOp, scans: Sequence[ScanOp], target: str) -> None:
    """Mark the scans of a module with the factors that take the fewest cycles on a machine."""
    from rnncc.passes.unroll_timesteps import mark

    groups = [[scan] for scan in scans] if len(scans) <= MANY else [list(scans)]
    if not groups:
        return
    load_machine(target)  # a wrong name is an error, not a program that cannot be timed
    try:
        found = measure(ctx, module, target)
    except RnnccError as error:
        remark(scans[0], NAME, f"nothing is unrolled, the program cannot be timed: {error.message}")
        return
    best = found.cycles
    step = found.turn // max(map(unroll_of, scans))
    for group in groups:
        tried = []
        for factor in FACTORS:
            if factor <= max(map(unroll_of, group)):
                continue
            if factor > max(scan.count for scan in group) or _length(group) * factor > LONGEST:
                break
            if step * factor > BUSY:
                break
            old = [unroll_of(scan) for scan in group]
            for scan in group:
                mark(scan, factor)
            now = cycles_if_fit(ctx, module, target)
            if now is not None:
                tried.append(f"{now[0]:,} with {factor}")
            if now is None or not better(now, best):
                for scan, before in zip(group, old, strict=True):
                    mark(scan, before)
                break
            best = now
        _note(group, best, tried)


def _length(group: list[ScanOp]) -> int:
    """Operations of the longest step."""
    return max(sum(1 for _ in scan.body.walk()) for scan in group)


def _note(group: list[ScanOp], best: list[int], tried: list[str]) -> None:
    factor = unroll_of(group[0])
    done = f"does {factor} steps a turn" if factor > 1 else "is not unrolled"
    what = title(group[0]) if len(group) == 1 else titles([*group])
    remark(
        group[0],
        NAME,
        f"{what} {done}: {best[0]:,} cycles (tried: {', '.join(tried) or 'nothing'})",
    )
