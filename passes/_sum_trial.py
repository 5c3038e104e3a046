"""Ways to make the sums of a step, and the cycles that a quick look at them promises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from sys import maxsize

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
    return search(ctx, module, target)[0][-1]


def search(ctx: Context, module: ModuleOp, target: str) -> tuple[list[list[int]], list[Way]]:
    """The cycles of a module as it is and of the best way, if that is another one; and a way for each scan.

    Raises:
        RnnccError: the module as it is does not fit the machine, or cannot be timed.
    """
    chains = load_machine(target).vector.kind == "chain"
    scans = [inner for inner in module.walk() if isinstance(inner, ScanOp)]
    able = worth_a_trial(scans)
    best, chosen = [cycles_of(ctx, module, target)], Way()

    def attempt(ways: Iterable[Way]) -> Way:
        """Try ways; gives the one of them that takes the fewest cycles."""
        nonlocal best, chosen
        cycles: dict[int, Way] = {}
        for way in ways:
            tried = [way if scan in able else Way() for scan in scans]
            now = cycles_if_fit(ctx, changed(module, tried), target)
            cycles.setdefault(now[0] if now is not None else maxsize, way)
            if now is not None and better(now, best[-1]):
                best, chosen = [best[0], now], way
        return cycles[min(cycles)]

    if able:
        sums, apart = Way(sums=True), places(able)
        attempt([sums])
        if chains:
            turns = sorted({1, several(able)})
            first = attempt([replace(sums, cuts=apart, turn=turn) for turn in turns])
            if 1 < len(apart) <= PLACES and len(turns) > 1:
                # Neighbours that share a pass, all others apart.
                attempt([replace(first, cuts=apart - {one}) for one in sorted(apart)])
            if chosen.sums and _arguments(able):
                longer = sorted({chosen.turn, several(able)})
                attempt([replace(chosen, stream=True, turn=turn) for turn in longer])
    return best, [chosen if scan in able else Way() for scan in scans]


def _arguments(scans: Sequence[ScanOp]) -> bool:
    """Whether scans read the program's inputs."""
    return any(not isinstance(v.owner, Operation) for scan in scans for v in scan.inputs)


def worth_a_trial(scans: Sequence[ScanOp]) -> list[ScanOp]:
    """The scans of several steps with products, if these make many numbers."""
    able = [scan for scan in scans if scan.count > 1 and made(scan)]
    return able if sum(map(made, able)) > SMALL else []


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
