"""straighten-scans: a scan of a few steps inside a loop becomes straight code.

Needs: nothing. Run it behind the passes that look for rnn.scan. Ensures: no rnn.scan of a known number of
steps, at most ``most``, stands in the step of another recurrence. Exact.

Why: a scan keeps its states in buffers of their own, into which the initial ones are copied and
from which the final ones are read. In a turn of a speculated generator, whose scan goes over some
words, each of these copies costs as much as an operation of the step. Straight code has none, and
the scheduler sees all steps of all layers at once: where one layer does not need another finished, it
runs them on the diagonal by itself.

What stays, with a remark: scans with ``lens`` or ``steps``, and those over run-time lengths.

Source: full loop unrolling, as unroll-timesteps; for a loop inside a loop it needs no remainder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp, WhileOp
from rnncc.errors import PassError
from rnncc.passes._emit import Emitter
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_build import inline_step


@dataclass(frozen=True)
class StraightenScansPass(ModulePass):
    """Short scans inside of loops become straight code.

    Raises:
        PassError: ``most`` below 1.
    """

    name = "straighten-scans"

    most: int = 16
    """Most steps of a scan that is written out."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Write out the scans of the module, inner ones first."""
        if self.most < 1:
            raise PassError(f"{self.name}{{most={self.most}}}: a scan has 1 step or more")
        scans = [inner for inner in op.walk() if isinstance(inner, ScanOp) and _is_inside(inner)]
        for scan in reversed(scans):
            if scan.symbol.data or scan.lens is not None or scan.steps is not None:
                remark(scan, self.name, f"{title(scan)} stays: its steps are counted at run time")
            elif 1 <= scan.count <= self.most:
                remark(
                    scan, self.name, f"the {scan.count} steps of {title(scan)} are straight code"
                )
                _straighten(scan)


def _is_inside(scan: ScanOp) -> bool:
    """Whether a scan is part of another recurrence's step."""
    around = scan.parent_op()
    while around is not None and not isinstance(around, ScanOp | WhileOp):
        around = around.parent_op()
    return around is not None


def _straighten(scan: ScanOp) -> None:
    emit = Emitter(scan)
    states: list[SSAValue] = list(scan.inits)
    rows: list[list[SSAValue]] = [[] for _ in scan.outputs]
    for step in range(scan.count):
        arguments = [emit.constant(np.asarray(step, np.int64))]
        for value, reverse in zip(scan.inputs, scan.input_flags, strict=True):
            place = scan.count - 1 - step if reverse else step
            arguments.append(emit.squeeze(emit.part(value, 0, place, 1), 0))
        made = inline_step(scan, emit, [*arguments, *states])
        states = made[: len(states)]
        for kept, value in zip(rows, made[len(states) :], strict=True):
            kept.append(emit.unsqueeze(value, 0))
    outputs: list[SSAValue] = []
    for kept, reverse in zip(rows, scan.output_flags, strict=True):
        ordered = kept[::-1] if reverse else kept
        outputs.append(ordered[0] if len(ordered) == 1 else emit(nn.ConcatOp(ordered, 0)))
    for old, value in zip(scan.results, [*states, *outputs], strict=True):
        old.replace_all_uses_with(value)
    scan.detach()
    scan.erase()
