"""``accumulate-products{policy=auto}``: lower the module with each way to make sums, and time each.

All scans accumulate their products or none does. On a machine of chains that is tried with gates together, apart, and
apart but for one pair of neighbours: operations of gates that stay together share a pass, those of a gate alone go on
in the pass with what reads it. What is taken saves cycles of the whole program at the largest run-time lengths, and
costs none at others (``_trial``). Gates apart are tried with one step and with several steps a turn: short transfers
that put biases in place wait for the long one of the step's input, and then one such wait serves several steps. The
factor stays as a mark for `unroll-timesteps`. With what is best, the inputs are then tried to come step by step instead
of as a whole before the first step.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.dialects.rnn import ScanOp
from rnncc.errors import RnnccError
from rnncc.machine import load_machine
from rnncc.passes._remarks import remark, title, titles
from rnncc.passes._sum_trial import Way, change, search, worth_a_trial

NAME = "accumulate-products"


def choose(ctx: Context, module: ModuleOp, scans: Sequence[ScanOp], target: str) -> None:
    """Change the scans of a module to the ways that take the fewest cycles on a machine."""
    load_machine(target)  # a wrong name is an error, not a program that cannot be timed
    able = worth_a_trial(scans)
    if not able:
        if scans:
            remark(scans[0], NAME, "no step has products that are worth a trial")
        return
    try:
        best, ways = search(ctx, module, target)
    except RnnccError as error:
        text = f"nothing is changed, the program cannot be timed: {error.message}"
        remark(able[0], NAME, text)
        return
    name = title(able[0]) if len(able) == 1 else titles([*able])
    way = next(way for way, scan in zip(ways, scans, strict=True) if scan in able)
    remark(able[0], NAME, f"{name}: {_text(way, best[0][0], best[-1][0])}")
    change(scans, ways)


def _text(way: Way, before: int, after: int) -> str:
    if not way.sums:
        return f"sums stay behind the products: {before:,} cycles"
    text = "products are added to what is there"
    if way.cuts:
        text += f", with gates apart at {', '.join(map(str, sorted(way.cuts)))}"
    if way.turn > 1:
        text += f", in turns of {way.turn} steps"
    if way.stream:
        text += ", inputs come step by step"
    return f"{text}: {after:,} cycles instead of {before:,}"
