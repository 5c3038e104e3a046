"""``hoist-input-projection{policy=auto}``: which scans gain from it on a machine.

Hoisting reads weights once instead of at each step. But what is hoisted waits for its step on chip or, when there
is no room, in DRAM; a chaining machine may have had the time for it between two products of the state; and products
of packed scans would be of all rows. So the whole program is timed with and without (``_trial``): one scan after
the other keeps its products when that saves cycles at the largest run-time lengths and costs none at others. With
many scans all are decided at once. Products of a few numbers are not worth the time of a trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.errors import RnnccError
from rnncc.machine import load_machine
from rnncc.passes._hoist_plan import kept_values
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title, titles
from rnncc.passes._sum_trial import cycles_with_sums
from rnncc.passes._trial import MANY, better, cycles_if_fit, cycles_of

NAME = "hoist-input-projection"
SMALL = 1 << 14
"""Products of at most so many numbers in all are hoisted unseen (not from packed scans): it is a matter of a few
microseconds."""


def choose(
    ctx: Context, module: ModuleOp, scans: Sequence[ScanOp], target: str, sums: bool = False
) -> list[ScanOp]:
    """The scans to hoist from, in the order given (inner ones first).

    Args:
        ctx: the dialects known.
        module: the program.
        scans: its recurrences.
        target: the machine.
        sums: count on `accumulate-products{policy=auto}` behind.
    """
    timed = cycles_with_sums if sums else cycles_of
    load_machine(target)  # an unknown machine is an error whatever there is to hoist
    kept = {scan: kept_values(scan) for scan in scans}
    able = [scan for scan in scans if kept[scan]]
    numbers = sum(scan.count * prod(shape_of(v)) for scan in able for v in kept[scan])
    if numbers <= SMALL:
        return [scan for scan in able if not is_packed(scan)]
    inside: set[ScanOp] = set()
    try:
        best = timed(ctx, _hoisted(module, scans, able), target)
    except RnnccError as error:
        remark(able[0], NAME, f"hoisted unseen, the program cannot be timed: {error.message}")
        return able
    for group in [[scan] for scan in able] if len(able) <= MANY else [able]:
        without = [s for s in able if s not in inside and s not in group]
        now = cycles_if_fit(ctx, _hoisted(module, scans, without), target, timed)
        if now is not None and better(now, best):
            inside.update(group)
            text = f"the input products stay in the step: {now[0]:,} cycles, hoisted {best[0]:,}"
            best = now
        else:
            text = f"the input products are hoisted: {best[0]:,} cycles"
            text += (
                f", in the step {now[0]:,}" if now is not None else ", in the step they do not fit"
            )
        name = title(group[0]) if len(group) == 1 else titles([*group])
        remark(group[0], NAME, f"{name}: {text}")
    return [scan for scan in able if scan not in inside]


def _hoisted(module: ModuleOp, scans: Sequence[ScanOp], chosen: Sequence[ScanOp]) -> ModuleOp:
    """A copy of the module in which the products of some scans have left."""
    from rnncc.passes.hoist_input_projection import hoist

    trial = module.clone()
    copies = list(reversed([inner for inner in trial.walk() if isinstance(inner, ScanOp)]))
    for scan, copy in zip(scans, copies, strict=True):
        if scan in chosen:
            hoist(copy)
    return trial
