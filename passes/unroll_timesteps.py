"""unroll-timesteps: several steps of a recurrence in one block of instructions.

Needs: nothing; works before and after lower-lengths, run it late: a scan keeps its meaning, and a
pass that builds a new scan may drop the mark. Ensures: every rnn.scan of more than one step has
the attribute ``rnn.unroll``, which lower-to-npu obeys: a loop of ``count div factor`` turns with
that many steps each, then the ``count mod factor`` steps that remain, straight when their number
is known, in a loop of their own when it is a run-time length. Exact: the same steps in the same
order, whichever way the scan runs and whatever stops it.

Why: the scheduler orders one block. With several steps in it, what a step does not wait for
(loads of its inputs, copies of its outputs) moves ahead of the recurrence, and the states between
them need no buffer to be copied to.

``factor=auto`` measures: see ``_unroll_choice``. It never makes a program slower, because not
unrolling is one of the programs it compares.

Source: loop unrolling; for recurrences on an in-order machine, Appleyard et al. 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.passes import ModulePass

from rnncc.dialects.rnn import ScanOp
from rnncc.errors import PassError
from rnncc.passes._lower.scan import UNROLL_ATTR
from rnncc.passes._remarks import remark, title


@dataclass(frozen=True)
class UnrollTimestepsPass(ModulePass):
    """Mark every rnn.scan with the number of steps a turn.

    Raises:
        PassError: a factor that is neither ``auto`` nor a whole number from 1 on.
    """

    name = "unroll-timesteps"

    factor: str | int | float = "auto"
    """Steps a turn, 1 or more (more than there are steps means all of them), or ``auto``."""
    target: str = "edge"
    """Machine name or description file that ``auto`` measures on."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Mark the scans of the module."""
        factor = self._factor()
        scans = [s for s in op.walk() if isinstance(s, ScanOp) and s.count > 1]
        if factor is None:
            from rnncc.passes._unroll_choice import choose

            choose(ctx, op, scans, self.target)
            return
        for scan in scans:
            mark(scan, factor)
            remark(scan, self.name, f"{title(scan)} does {min(factor, scan.count)} steps a turn")

    def _factor(self) -> int | None:
        """The factor, None for auto."""
        text = str(self.factor)
        if text == "auto":
            return None
        if not text.isdecimal() or int(text) < 1:
            raise PassError(
                f"unroll-timesteps{{factor={text}}}: the factor is a whole number from 1 on, or auto"
            )
        return int(text)


def mark(scan: ScanOp, factor: int) -> None:
    """Say how many steps a turn does; 1 takes the mark away."""
    scan.attributes.pop(UNROLL_ATTR, None)
    if factor > 1:
        scan.attributes[UNROLL_ATTR] = IntegerAttr(min(factor, scan.count), i64)
