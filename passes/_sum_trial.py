"""Ways to make the sums of a step, and the cycles that a quick look at them promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.ir import Operation

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.machine import load_machine
from rnncc.passes._lower.attributes import STREAM_ATTR
from rnncc.passes._trial import better, cycles_if_fit, cycles_of
from rnncc.passes.split_gates import boundaries, split

SMALL = 1 << 14
"""Numbers that the products of all steps make, up to which no trial is worth its time."""
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


def cycles_with_sums(ctx: Context, module: ModuleOp, target: str) -> list[int]:
    """`cycles_of` a module with its sums as `accumulate-products{policy=auto}` will make them.

    Only on machines of chains, where that may change much; elsewhere `cycles_of`.

    Raises:
        RnnccError: the module as it is does not fit the machine, or cannot be timed.
    """
    if load_machine(target).vector.kind != "chain":
        return cycles_of(ctx, module, target)
    return search(ctx, module, target, quick=True)[0][-1]


def search(
    ctx: Context, module: ModuleOp, target: str, *, quick: bool = False
) -> tuple[list[list[int]], list[Way]]:
    """The cycles of a module as it is and of the best way, if that is another one; and a way for each scan.

    Args:
        ctx: the dialects known.
        module: stays as it is.
        target: the machine.
        quick: leave out ways that are seldom the best by far: gates apart in turns of one step, inputs step by step.

    Raises:
        RnnccError: the module as it is does not fit the machine, or cannot be timed.
    """
    chains = load_machine(target).vector.kind == "chain"
    scans = [inner for inner in module.walk() if isinstance(inner, ScanOp)]
    able = worth_a_trial(scans)
    ways, best = [Way()] * len(scans), [cycles_of(ctx, module, target)]
    if not able:
        return best, ways
    for candidates in (_ways,) if quick else (_ways, _streams):
        start = next(way for way, scan in zip(ways, scans, strict=True) if scan in able)
        for way in candidates(start, able, chains):
            if quick and way.cuts and way.turn < several(able):
                continue
            tried = [way if scan in able else Way() for scan in scans]
            now = cycles_if_fit(ctx, changed(module, tried), target)
            if now is not None and better(now, best[-1]):
                best, ways = [best[0], now], tried
    return best, ways


def worth_a_trial(scans: Sequence[ScanOp]) -> list[ScanOp]:
    """The scans of several steps with products, if these make many numbers."""
    able = [scan for scan in scans if scan.count > 1 and made(scan)]
    return able if sum(map(made, able)) > SMALL else []


def _ways(start: Way, scans: Sequence[ScanOp], chains: bool) -> Iterator[Way]:
    """With sums in the array, for each set of places to try, and one step or several a turn."""
    sums = replace(start, sums=True)
    yield sums
    if not chains:
        return
    apart = places(scans)
    turns = {1, several(scans)}
    yield from (replace(sums, cuts=apart, turn=turn) for turn in sorted(turns))
    for one in sorted(apart) if 1 < len(apart) <= PLACES and len(turns) > 1 else ():
        # Neighbours that share a pass, all others apart.
        yield from (replace(sums, cuts=apart - {one}, turn=turn) for turn in sorted(turns))


def _streams(start: Way, scans: Sequence[ScanOp], chains: bool) -> Iterator[Way]:
    """With inputs step by step, where they are arguments, and one step or several a turn."""
    arguments = [v for scan in scans for v in scan.inputs if not isinstance(v.owner, Operation)]
    if start.sums and chains and arguments:
        yield replace(start, stream=True)
        if start.turn < several(scans):
            yield replace(start, stream=True, turn=several(scans))


def places(scans: Sequence[ScanOp]) -> frozenset[int]:
    """Where the gates of some scans may come apart."""
    return frozenset[int]().union(*(boundaries(scan.body.block) for scan in scans))


def made(scan: ScanOp) -> int:
    """Numbers that the products of all steps make."""
    products = [op for op in scan.body.block.ops if isinstance(op, nn.MatmulOp)]
    return scan.count * sum(prod(shape_of(op.result)) for op in products)


def several(scans: Sequence[ScanOp]) -> int:
    """Steps a turn to try beside one: not more than there are, and none where a step is long."""
    longest = max(sum(1 for _ in scan.body.walk()) for scan in scans)
    return min(TURN, max(scan.count for scan in scans)) if longest * TURN <= LONGEST else 1


def changed(module: ModuleOp, ways: Sequence[Way]) -> ModuleOp:
    """A copy of the module with the sums of each scan made in a way."""
    trial = module.clone()
    change([inner for inner in trial.walk() if isinstance(inner, ScanOp)], ways)
    return trial


def change(scans: Sequence[ScanOp], ways: Sequence[Way]) -> None:
    """Make the sums of scans in these ways."""
    from rnncc.passes.accumulate_products import accumulate
    from rnncc.passes.unroll_timesteps import mark

    for scan, way in zip(scans, ways, strict=True):
        if way.sums:
            split(scan.body.block, way.cuts)
            accumulate(scan)
            mark(scan, way.turn)
            if way.stream:
                scan.attributes[STREAM_ATTR] = UnitAttr()
