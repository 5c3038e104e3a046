"""wavefront-layers: stacked recurrences run on the diagonal, T + L - 1 steps in place of T * L.

Needs: nothing. Run it after hoist-input-projection: the product that feeds the lowest layer stays
hoisted, those between the layers move back into the step, where they must be.
Ensures: scans of which each consumes, step by step, what others of them make, and which run
equally many steps, are one scan; layer l is at step t while layer l + 1 is at step t - 1. What
stands between layers may be anything that treats every step alike (products, bias, reshape,
concatenation, residual sums). Exact.

The layers may be of any kind and size, and all of them may run backward. The stack ends where a
layer needs another one finished: at a bidirectional layer (whose halves belong together, see
fuse-directions), at an input that is read the other way,
at an initial state made by a final one (encoder and decoder), at operations that mix steps. What
was done and what was declined, with the reason, is noted on the function (``rnncc.remarks``).

Lengths: a scan with ``lens`` is lowered first (lower-lengths), which makes it one with ``steps``.
How the ends are handled is in ``_scan_diagonal``: known lengths get straight code before and
behind the scan; run-time ones read ahead within one scan of n steps, as T + L - 1 has no symbol.
Layers whose step computes addresses are declined when the length is known at run time only, as are
layers whose weights do not fit the weight memory together, because each step would fetch them. With
``measure`` they are joined only if the program takes fewer cycles on the machine (``_trial``): the
weights of all layers must be there before the first diagonal, those of a layer apart come while the
layers below it run. Then it also tries with all input products hoisted: that the lowest layer's stay
outside may pay on the diagonal only.

Source: Appleyard, Kocisky, Blunsom 2016 (arXiv:1604.01946), section 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from rnncc.dialects.rnn import ScanOp
from rnncc.errors import PassError
from rnncc.passes._lower.budget import Budget, budget_of
from rnncc.passes._packed import PACKED_ATTR, is_packed
from rnncc.passes._remarks import remark, title, titles
from rnncc.passes._scan_diagonal import Diagonals
from rnncc.passes._scan_graph import dependences, halves, scan_blocks, sink_users
from rnncc.passes._scan_room import crowded, step_weights
from rnncc.passes._scan_wave import WAVE_ATTR, Declined, Wave, absorbed
from rnncc.passes._sum_trial import cycles_with_sums
from rnncc.passes._trial import cycles_of, keep_if_faster
from rnncc.passes.hoist_input_projection import hoist
from rnncc.passes.lower_lengths import lower_scan_lengths


@dataclass(frozen=True)
class WavefrontLayersPass(ModulePass):
    """Stacked rnn.scan become one over the diagonals.

    Raises:
        PassError: ``max-layers`` below 2.
    """

    name = "wavefront-layers"

    max_layers: int = 8
    """Most layers of one wavefront, at least 2: the straight code before and behind the scan grows
    with its square."""
    always: bool = False
    """Join layers even where their weights do not fit the weight memory together."""
    measure: bool = False
    """Join only if that saves cycles."""
    sums: bool = False
    """Count on `accumulate-products{policy=auto}` behind it when measuring."""
    target: str = "edge"
    """Machine name or description file: its weight memory decides."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Find stacks in every block of the module and join each."""
        if self.max_layers < 2:
            raise PassError(
                f"wavefront-layers{{max-layers={self.max_layers}}}: a wavefront has 2 or more layers"
            )
        if self.measure:
            timed = cycles_with_sums if self.sums else cycles_of
            keep_if_faster(
                ctx, op, self.target, self.name, [self._join, self._hoist_and_join], timed
            )
        else:
            self._join(op)

    def _hoist_and_join(self, op: ModuleOp) -> int:
        """Join after all input products have left, which may have paid for no layer by itself."""
        for scan in [inner for inner in op.walk() if isinstance(inner, ScanOp)][::-1]:
            if not is_packed(scan):
                hoist(scan)
        return self._join(op)

    def _join(self, op: ModuleOp) -> int:
        """How many stacks became one scan."""
        budget = budget_of(self.target, op)
        return sum(_Stacks(self, budget, block).run() for block, _ in scan_blocks(op))


class _Stacks:
    """The stacks of one block."""

    def __init__(self, options: WavefrontLayersPass, budget: Budget, block: Block):
        self.options, self.budget, self.block = options, budget, block
        self.done: set[ScanOp] = set()
        self.halves: set[ScanOp] = set()
        self.declined: dict[ScanOp, str] = {}
        """The first reason for each scan that joined nothing."""

    def run(self) -> int:
        """Join stack after stack; how many there were."""
        while (wave := self._next()) is not None:
            if wave.seed.lens is not None:
                # The masks are operations between the layers: look again.
                for scan in wave.members:
                    lower_scan_lengths(scan)
                continue
            self._replace(wave)
        parent = self.block.parent_op()
        assert parent is not None
        for text in self.declined.values():
            remark(parent, WavefrontLayersPass.name, text)
        return len(self.done)

    def _next(self) -> Wave | None:
        """The first stack of at least two layers."""
        scans = [op for op in self.block.ops if isinstance(op, ScanOp)]
        needs = dependences(self.block, scans)
        self.halves = halves(scans, needs)
        for k, seed in enumerate(scans):
            if seed in self.done or seed.count < 2:
                continue
            wave = Wave(seed, needs)
            for scan in scans[k + 1 :]:
                if scan not in self.done and wave.stands_on(scan):
                    self._try(wave, scan)
            if wave.levels > 1:
                return wave
        return None

    def _try(self, wave: Wave, scan: ScanOp) -> None:
        before = wave.levels
        try:
            if scan in self.halves:
                raise Declined("it is half of a bidirectional layer")
            if wave.seed in self.halves:
                raise Declined("the layer below is bidirectional")
            wave.join(scan)
            if wave.levels > before:
                self._check_size(wave)
            self._check(wave, scan)
        except Declined as reason:
            wave.members.pop(scan, None)
            self.declined.setdefault(scan, f"{title(scan)} stays apart: {reason}")
        else:
            self.declined.pop(scan, None)

    def _check_size(self, wave: Wave) -> None:
        if wave.levels > self.options.max_layers:
            raise Declined(
                f"the wavefront has {self.options.max_layers} layers already (max-layers)"
            )
        if wave.levels > wave.seed.count:
            raise Declined(f"{wave.seed.count} steps are fewer than {wave.levels} layers")

    def _check(self, wave: Wave, scan: ScanOp) -> None:
        if any(PACKED_ATTR in s.attributes for s in (wave.seed, scan)):
            raise Declined("its rows are packed, and end one by one")
        if scan.lens is not None and any((*scan.input_flags, *scan.output_flags)):
            raise Declined("its rows run backward, each from its own end")
        if self.options.always:
            return
        members = wave.members.values()
        apart = [step_weights(m.scan) for m in members]
        between = step_weights(*(op for m in members for op in m.times))
        if why := crowded(self.budget, apart, sum(between.values())):
            raise Declined(f"on {titles([s for s in wave.members if s is not scan])}, {why}")

    def _replace(self, wave: Wave) -> None:
        order = {op: number for number, op in enumerate(self.block.ops)}
        members = sorted(wave.members, key=order.__getitem__)
        anchor = members[-1]
        glue = sorted({op for m in wave.members.values() for op in m.times}, key=order.__getitem__)
        gone = absorbed(set(members), glue)
        outside = {
            result
            for scan in members
            for result in scan.results
            if any(_needed(use.operation, use.index, gone, members) for use in result.uses)
        }
        new, joined = Diagonals(wave, anchor, outside).build()
        joined.attributes[WAVE_ATTR] = IntegerAttr(wave.levels, i64)
        self.done.add(joined)
        sink_users({*members, *gone}, anchor)
        for result in outside:
            new[result].name_hint = result.name_hint
            result.replace_all_uses_with(new[result])
        count = wave.seed.count
        steps = f"{count + wave.levels - 1} diagonals instead of {wave.levels} times {count} steps"
        if wave.run_time:
            steps = f"n + {wave.levels - 1} diagonals instead of {wave.levels} times n steps, n up to {count}"
        text = f"{len(members)} recurrences ({titles([*members])}) run together: {steps}"
        remark(anchor, WavefrontLayersPass.name, text)
        for op in sorted([*gone, *members], key=order.__getitem__, reverse=True):
            op.detach()
            op.erase()


def _needed(op: Operation, index: int, gone: list[Operation], members: list[ScanOp]) -> bool:
    """Whether a use of a member's result is outside the wavefront."""
    if op in gone:
        return False
    return not (op in members and isinstance(op, ScanOp) and index < len(op.inputs))
