"""fuse-directions: independent scans of equally many steps advance together.

Needs: nothing; works before and after hoist-input-projection and lower-lengths.
Ensures: no two independent scans of a block with the same number of steps are left apart, unless
the option or the machine's weight memory forbids it. Exact: each step is computed as before.

The two halves of a bidirectional layer are such scans: neither reads what the other computes, one
reads its input from the end, and rnn.scan says for each input and output which way it runs. So the
joined scan is the concatenation of both, and every step has two chains of dependent instructions
in place of one, which hide each other's latency. What stands between the scans moves behind the
joined one where it needs one of them. Scans whose weights fit the weight memory one at a time,
but not together, stay apart: each step would fetch weights. With ``measure`` they are joined only
if the program takes fewer cycles on the machine (``_trial``): weights of a joined scan must all be
there before its first step, those of the second of two can come while the first one runs.

Source: Appleyard, Kocisky, Blunsom 2016 (arXiv:1604.01946): independent recurrences of a network
run concurrently.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from rnncc.dialects.rnn import ScanOp
from rnncc.errors import PassError
from rnncc.passes._lower.budget import Budget, budget_of
from rnncc.passes._packed import PACKED_ATTR
from rnncc.passes._remarks import remark, title, titles
from rnncc.passes._scan_build import join_scans
from rnncc.passes._scan_graph import dependences, same_steps, scan_blocks, sink_users
from rnncc.passes._scan_room import crowded, step_weights
from rnncc.passes._trial import keep_if_faster


@dataclass(frozen=True)
class FuseDirectionsPass(ModulePass):
    """Independent rnn.scan with the same steps become one.

    Raises:
        PassError: ``max-scans`` below 2.
    """

    name = "fuse-directions"

    max_scans: int | None = None
    """Most scans that one may be made of, at least 2; any number when left out."""
    always: bool = False
    """Join scans even where their weights do not fit the weight memory together."""
    measure: bool = False
    """Fuse only if that saves cycles."""
    target: str = "edge"
    """Machine name or description file: its weight memory decides."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuse in every block of the module."""
        if self.max_scans is not None and self.max_scans < 2:
            raise PassError(
                f"fuse-directions{{max-scans={self.max_scans}}}: one scan is made of 2 or more",
                "leave max-scans out for any number",
            )
        if self.measure:
            keep_if_faster(ctx, op, self.target, self.name, [self._fuse])
        else:
            self._fuse(op)

    def _fuse(self, op: ModuleOp) -> int:
        """How many scans are gone."""
        before = sum(len(scans) for _, scans in scan_blocks(op))
        for block, scans in scan_blocks(op):
            _Fusion(self, budget_of(self.target, op), block, scans).run()
        return before - sum(len(scans) for _, scans in scan_blocks(op))


class _Fusion:
    def __init__(
        self, options: FuseDirectionsPass, budget: Budget, block: Block, scans: list[ScanOp]
    ):
        self.options, self.budget, self.block, self.scans = options, budget, block, scans
        self.size = dict.fromkeys(scans, 1)
        self.declined: dict[ScanOp, str] = {}

    def run(self) -> None:
        """Fuse group after group; dependences change with each."""
        while (group := self._group()) is not None:
            self._fuse(group)
        for scan, reason in self.declined.items():
            remark(
                self._somewhere(), FuseDirectionsPass.name, f"{title(scan)} stays alone: {reason}"
            )

    def _somewhere(self) -> Operation:
        op = self.block.parent_op()
        assert op is not None
        return op

    def _group(self) -> list[ScanOp] | None:
        """The first scans that can be one, or None."""
        needs = dependences(self.block, self.scans)
        self.declined = {}
        for k, seed in enumerate(self.scans):
            group = [seed]
            for other in self.scans[k + 1 :]:
                if any(m in needs[other] for m in group):
                    continue
                if (reason := self._obstacle(group, other)) is None:
                    group.append(other)
                else:
                    self.declined.setdefault(other, reason)
            if len(group) > 1:
                return group
        return None

    def _obstacle(self, group: list[ScanOp], other: ScanOp) -> str | None:
        seed = group[0]
        if (PACKED_ATTR in seed.attributes) != (PACKED_ATTR in other.attributes):
            return f"of it and {title(seed)}, one is packed"
        if not same_steps(seed, other):
            return f"it is independent of {title(seed)}, but has its own number of steps"
        most = self.options.max_scans
        if most is not None and sum(self.size[s] for s in (*group, other)) > most:
            return f"{titles([*group])} already make {most} scans, as max-scans allows"
        if self.options.always:
            return None
        why = crowded(self.budget, [step_weights(s) for s in (*group, other)])
        return why and f"with {titles([*group])}, {why}"

    def _fuse(self, group: list[ScanOp]) -> None:
        anchor = group[-1]
        sink_users(set(group), anchor)
        names = titles([*group])
        joined = join_scans(group, anchor)
        steps = f"{'at most ' if joined.symbol.data else ''}{joined.count}"
        text = f"{len(group)} recurrences ({names}) advance together, {steps} steps"
        remark(joined, FuseDirectionsPass.name, text)
        self.size[joined] = sum(self.size[s] for s in group)
        self.scans = [
            joined if s is anchor else s for s in self.scans if s is anchor or s not in group
        ]
        for scan in group:
            scan.detach()
            scan.erase()
