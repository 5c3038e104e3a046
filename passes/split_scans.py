"""split-scans: a scan whose states depend on one another one way becomes a chain of scans.

Needs: nothing. Run it before hoist-input-projection and hoist-output-projection: it exists so that
they find more. Ensures: in no rnn.scan does a product with weights that do not change feed states
without needing them: what such a product reads is made by an earlier scan, so that it needs no
carried state of its own and hoist-input-projection can do it for all steps at once; and a state that
a step slices into parts and concatenates again is as many states. Exact.

The same goes for a product that feeds outputs alone, but through work that must be done step by step (the
choice among the best k words): that work becomes a scan without states behind the product.

A step that holds L layers (a generator's step, run over drafted words) is L recurrences: layer l
reads what layer l - 1 makes, never the other way. States that depend on each other stay together;
each scan of the chain has the values that later ones read as outputs. It is the reverse of
wavefront-layers: run the one or the other.

What stays whole, with a remark: a scan of several recurrences between which there is no product
(splitting gains nothing); rows that are packed; with ``lens``, values between the layers that have
not the batch first.

Source: loop distribution (Kennedy and Allen 2001, section 2.2) on the graph of strongly connected
components (Tarjan 1972).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.errors import PassError, nearest
from rnncc.passes._lower.budget import budget_of
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_invariants import hoist_invariants
from rnncc.passes._scan_levels import levels_of
from rnncc.passes._scan_parts import Stacked, erase_scan, part_of
from rnncc.passes._scan_room import step_weights
from rnncc.passes._split_states import split_states
from rnncc.passes._step_slices import Step

POLICIES = ("always", "auto")


@dataclass(frozen=True)
class SplitScansPass(ModulePass):
    """A scan of several recurrences becomes one scan each, where products lie between them.

    Raises:
        PassError: an unknown policy.
    """

    name = "split-scans"

    policy: str = "always"
    """``always``, or ``auto``: layers come apart where the machine cannot keep all weights of the program, so that a
    product for all steps spares it fetching them in each; where it can, layers that advance together need less time."""
    target: str = "edge"
    """Machine name or description file: its weight memory decides."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Split every scan of the module, inner ones first."""
        if self.policy not in POLICIES:
            raise PassError(
                f"{self.name}{{policy={self.policy}}}: no such policy (there are {', '.join(POLICIES)})",
                nearest(self.policy, POLICIES),
            )
        layers = self.policy == "always" or not _fits(op, self.target)
        for scan in reversed([inner for inner in op.walk() if isinstance(inner, ScanOp)]):
            _split(scan, layers)


def _fits(module: ModuleOp, target: str) -> bool:
    """Whether the weights of all products stay in the weight memory; the remark says so."""
    budget = budget_of(target, module)
    size = sum(step_weights(module).values())
    if size > budget.wmem:
        return False
    for op in module.body.block.ops:
        if op.regions and any(isinstance(inner, ScanOp) for inner in op.walk()):
            text = f"no layers come apart: {budget.machine.name} keeps all weights, {size} bytes of {budget.wmem}"
            remark(op, SplitScansPass.name, text)
    return True


def _split(whole: ScanOp, layers: bool) -> None:
    scan = split_states(whole)
    assert isinstance(scan, ScanOp)
    hoist_invariants(scan)
    step = Step(scan)
    levels = levels_of(step, layers)
    ends = (*scan.state_args, *scan.yielded_outputs)
    depths = sorted({levels[value] for value in ends if value in levels})
    if len(depths) < 2:
        return
    if is_packed(scan):
        why = "its rows are packed, and end one by one"
        remark(scan, SplitScansPass.name, f"{title(scan)} stays whole: {why}")
        return
    try:
        _Chain(scan, step, levels, depths).build()
    except _Declined as reason:
        remark(scan, SplitScansPass.name, f"{title(scan)} stays whole: {reason}")


class _Declined(Exception):
    """Why a scan is not split."""


class _Chain:
    """The scans that one becomes.

    Args:
        levels: for each value of the step the number of products between layers that it waits for.
        depths: the levels that have states; one scan each.
    """

    def __init__(self, scan: ScanOp, step: Step, levels: dict[SSAValue, int], depths: list[int]):
        self.scan, self.step, self.depths = scan, step, depths
        self.part = {value: self._part(level) for value, level in levels.items()}
        self._sink()
        self.reverse = bool(scan.inputs) and all(scan.input_flags)

    def _part(self, level: int) -> int:
        """The scan of the chain where a value of a level is made: the last one not above it."""
        return max((k for k, depth in enumerate(self.depths) if depth <= level), default=0)

    def _sink(self) -> None:
        """What needs no state is made where it is first read."""
        carried = self.step.reached(self._readers(self.scan.state_args))
        for op in reversed(self.step.reads):
            if op in carried:
                continue
            users = [use.operation for result in op.results for use in result.uses]
            if users and all(user in self.step.reads for user in users):
                self.part[op.results[0]] = min(self.part[user.results[0]] for user in users)

    def _readers(self, values: Collection[SSAValue]) -> list[Operation]:
        return [op for op, reads in self.step.reads.items() if any(v in values for v in reads)]

    def build(self) -> None:
        """Replace the scan by the chain."""
        scan, parts = self.scan, range(len(self.depths))
        states = [[k for k, a in enumerate(scan.state_args) if self.part[a] == p] for p in parts]
        outputs: list[list[Stacked]] = [[] for _ in parts]
        for value, flag in zip(scan.yielded_outputs, scan.output_flags, strict=True):
            outputs[self.part.get(value, 0)].append((value, flag))
        crossing = [self._crossing(p) for p in parts]
        for value in [v for read in crossing for v in read]:
            if (value, self.reverse) not in outputs[self.part[value]]:
                outputs[self.part[value]].append((value, self.reverse))
        made: dict[Stacked, SSAValue] = {}
        results: dict[int, SSAValue] = {}
        for p in parts:
            given = {v: (made[v, self.reverse], self.reverse) for v in crossing[p]}
            new = part_of(scan, self._ops(p), states[p], outputs[p], given)
            made |= zip(outputs[p], new.outputs, strict=True)
            results |= zip(states[p], new.states, strict=True)
        remark(scan, SplitScansPass.name, f"{title(scan)} becomes a chain of {len(parts)} "
               f"recurrences with {', '.join(str(len(s)) for s in states)} states")  # fmt: skip
        stacked = zip(scan.yielded_outputs, scan.output_flags, strict=True)
        new_results = [results[k] for k in range(len(scan.states))] + [made[key] for key in stacked]
        for old, value in zip(scan.results, new_results, strict=True):
            value.name_hint = old.name_hint
            old.replace_all_uses_with(value)
        erase_scan(scan)

    def _ops(self, part: int) -> set[Operation]:
        """The operations of one scan."""
        return {op for op in self.step.reads if self.part[op.results[0]] == part}

    def _crossing(self, part: int) -> list[SSAValue]:
        """What a scan reads that earlier ones make."""
        scan = self.scan
        read = [v for op in self._ops(part) for v in self.step.reads[op]]
        carried = zip(scan.yielded_states, scan.state_args, strict=True)
        read += [value for value, argument in carried if self.part[argument] == part]
        free = {scan.index, *scan.slice_args}
        found = [v for v in dict.fromkeys(read) if v not in free and self.part.get(v, part) < part]
        if scan.lens is not None:
            for value in found:
                if shape_of(value)[:1] != shape_of(scan.lens):
                    raise _Declined("a value between its recurrences has not the batch first")
        return found
