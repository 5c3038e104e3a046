"""``accumulate-products{policy=auto}``: lower the module with each way to make sums, and time each.

All scans accumulate their products or none does. On a machine of chains that is tried with gates together, apart, and
apart but for one pair of neighbours: operations of gates that stay together share a pass, those of a gate alone go on
in the pass with what reads it. What is taken saves cycles of the whole program at the largest run-time lengths, and
costs none at others (``_trial``). Each way is tried with one step and with several steps a turn: short transfers that
put biases in place wait for the long one of the step's input, and then one such wait serves several steps. The factor
stays as a mark for `unroll-timesteps`. With what is best, the inputs are then tried to come step by step instead of as
a whole before the first step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.ir import Operation

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp
from rnncc.errors import RnnccError
from rnncc.machine import load_machine
from rnncc.passes._lower.attributes import STREAM_ATTR
from rnncc.passes._remarks import remark, title, titles
from rnncc.passes._trial import better, cycles_if_fit, cycles_of
from rnncc.passes.split_gates import boundaries, split

NAME = "accumulate-products"
PLACES = 3
"""Places where gates may come apart, up to which all but one of them are tried; of more, all and none."""
TURN = 4
"""Steps a turn that are tried beside one."""
LONGEST = 160
"""Operations in a turn up to which several steps, and neighbours apart, are tried: to compile takes its time."""


@dataclass(frozen=True)
class Way:
    """How a step is computed.

    Attributes:
        sums: whether its products accumulate.
        cuts: where its gates come apart.
        turn: steps a turn.
        stream: whether its inputs come step by step.
    """

    sums: bool = False
    cuts: frozenset[int] = frozenset()
    turn: int = 1
    stream: bool = False


def choose(ctx: Context, module: ModuleOp, scans: Sequence[ScanOp], target: str) -> None:
    """Change the scans of a module to the ways that take the fewest cycles on a machine."""
    chains = load_machine(target).vector.kind == "chain"
    able = [k for k, scan in enumerate(scans) if _products(scan) and scan.count > 1]
    if not able:
        return
    ways = [Way()] * len(scans)
    try:
        best = cycles_of(ctx, module, target)
    except RnnccError as error:
        text = f"nothing is changed, the program cannot be timed: {error.message}"
        remark(scans[able[0]], NAME, text)
        return
    chosen = [scans[k] for k in able]
    before = best[0]
    for candidates in (_ways, _streams):
        for way in candidates(ways[able[0]], chosen, chains):
            tried = [way if k in able else w for k, w in enumerate(ways)]
            now = cycles_if_fit(ctx, _changed(module, tried), target)
            if now is not None and better(now, best):
                best, ways = now, tried
    name = title(chosen[0]) if len(chosen) == 1 else titles([*chosen])
    remark(chosen[0], NAME, f"{name}: {_text(ways[able[0]], before, best[0])}")
    _change(scans, ways)


def _products(scan: ScanOp) -> bool:
    return any(isinstance(op, nn.MatmulOp) for op in scan.body.block.ops)


def _ways(start: Way, scans: Sequence[ScanOp], chains: bool) -> Iterator[Way]:
    """With sums in the array, for each set of places to try, and one step or several a turn."""
    sums = replace(start, sums=True)
    yield sums
    if not chains:
        return
    places = frozenset[int]().union(*(boundaries(scan.body.block) for scan in scans))
    turns = {1, _several(scans)}
    yield from (replace(sums, cuts=places, turn=turn) for turn in sorted(turns))
    for one in sorted(places) if 1 < len(places) <= PLACES and len(turns) > 1 else ():
        # Neighbours that share a pass, all others apart.
        yield from (replace(sums, cuts=places - {one}, turn=turn) for turn in sorted(turns))


def _streams(start: Way, scans: Sequence[ScanOp], chains: bool) -> Iterator[Way]:
    """With inputs step by step, where they are arguments, and one step or several a turn."""
    arguments = [v for scan in scans for v in scan.inputs if not isinstance(v.owner, Operation)]
    if start.sums and chains and arguments:
        yield replace(start, stream=True)
        if start.turn < _several(scans):
            yield replace(start, stream=True, turn=_several(scans))


def _several(scans: Sequence[ScanOp]) -> int:
    """Steps a turn to try beside one: not more than there are, and none where a step is long."""
    longest = max(sum(1 for _ in scan.body.walk()) for scan in scans)
    return min(TURN, max(scan.count for scan in scans)) if longest * TURN <= LONGEST else 1


def _changed(module: ModuleOp, ways: Sequence[Way]) -> ModuleOp:
    """A copy of the module with the sums of each scan made in a way."""
    trial = module.clone()
    _change([inner for inner in trial.walk() if isinstance(inner, ScanOp)], ways)
    return trial


def _change(scans: Sequence[ScanOp], ways: Sequence[Way]) -> None:
    from rnncc.passes.accumulate_products import accumulate
    from rnncc.passes.unroll_timesteps import mark

    for scan, way in zip(scans, ways, strict=True):
        if way.sums:
            split(scan.body.block, way.cuts)
            accumulate(scan)
            mark(scan, way.turn)
            if way.stream:
                scan.attributes[STREAM_ATTR] = UnitAttr()


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
