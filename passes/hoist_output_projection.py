"""hoist-output-projection: what a step computes for its outputs alone leaves the scan.

Needs: nothing. Run it after split-scans, and after hoist-input-projection, whose mirror it is.
Ensures: in no rnn.scan is there a product with weights that do not change whose result reaches only
the scan's outputs, through operations that treat every step alike; nor element-wise work of that
kind that can be done on what the scan stacks anyway. Exact.

``logits_t = h_t V + b`` of T steps becomes one product ``[T*B, H] x [H, N]`` behind the scan, of the
stacked h. The values that such work reads become outputs of the scan in place of its results; an
input of the scan is read where it is. With ``lens`` or ``steps`` the rows of an output that no step
reaches are zero: where the work does not make zero of zeros, its result is set to zero there.

What stays, with a remark: products of packed rows (in the step they have the rows that still run,
outside all of them), work that mixes the rows of a scan with ``lens``, results that go to outputs of
both directions.

Source: as hoist-input-projection (Appleyard et al. 2016, arXiv:1604.01946); for a vocabulary
projection, the one pass over all words of speculative decoding (Leviathan et al. 2023, arXiv:2211.17192).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._batch import POINTWISE, can_batch
from rnncc.passes._lower.budget import nbytes
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_invariants import hoist_invariants
from rnncc.passes._scan_outputs import move_out, rest_is_zero
from rnncc.passes._step_slices import Step


@dataclass(frozen=True)
class HoistOutputProjectionPass(ModulePass):
    """Work for the outputs alone leaves every rnn.scan as one batched operation over time."""

    name = "hoist-output-projection"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Hoist from every scan of the module, inner ones first."""
        for scan in reversed([inner for inner in op.walk() if isinstance(inner, ScanOp)]):
            _hoist(scan)


def _hoist(scan: ScanOp) -> None:
    hoist_invariants(scan)
    plan = _Plan(scan)
    if is_packed(scan):
        if any(isinstance(op, nn.MatmulOp) for op in plan.chosen):
            remark(scan, HoistOutputProjectionPass.name, f"{title(scan)} keeps its output products: "
                   "its rows are packed, and end one by one")  # fmt: skip
        return
    for why in plan.declined:
        remark(scan, HoistOutputProjectionPass.name, f"{title(scan)}: {why}")
    plan.keep_what_pays()
    if not plan.chosen:
        return
    products = sum(isinstance(op, nn.MatmulOp) for op in plan.chosen)
    remark(scan, HoistOutputProjectionPass.name, f"{title(scan)} computes {len(plan.chosen)} "
           f"operations ({products} products) of its outputs for all {scan.count} steps at once")  # fmt: skip
    move_out(scan, plan.chosen)


class _Plan:
    """What of a scan's step can and should be done behind it.

    Attributes:
        chosen: the operations that leave, in order -> whether their results run backward.
        declined: why products stay.
    """

    def __init__(self, scan: ScanOp):
        self.scan = scan
        self.step = Step(scan)
        self.chosen: dict[Operation, bool] = {}
        self.declined: list[str] = []
        feeding = self.step.feeding(scan.yielded_states)
        for op in reversed(list(scan.body.block.ops)):
            if op is scan.terminator or op in feeding or op not in self.step.varying:
                continue
            flag, why = self._direction(op)
            if flag is not None:
                self.chosen[op] = flag
            elif isinstance(op, nn.MatmulOp) and why:
                self.declined.append(f"a product of its outputs stays, {why}")
        self.chosen = dict(reversed(list(self.chosen.items())))

    def _direction(self, op: Operation) -> tuple[bool | None, str]:
        """Whether the results of an operation that can leave run backward; None and why it cannot."""
        by_row = self.scan.lens is not None
        if op.regions or not isinstance(op, nn.NNOp):
            return None, "it has a region"
        if not can_batch(op, self.step.varies, by_row):
            return (
                None,
                "it mixes the rows of the batch" if by_row else "it has no form for all steps",
            )
        flags: set[bool] = set()
        for use in op.results[0].uses:
            if use.operation is self.scan.terminator:
                flags.add(self.scan.output_flags[use.index - len(self.scan.inits)])
            elif use.operation in self.chosen:
                flags.add(self.chosen[use.operation])
            else:
                return None, "what reads it mixes steps or rows"
        if len(flags) != 1:
            return None, "its results go to outputs of both directions" if flags else ""
        if by_row and not all(self._has_rows(v) for v in (*op.results, *op.operands)):
            return None, "it mixes the rows of the batch"
        return flags.pop(), ""

    def _has_rows(self, value: SSAValue) -> bool:
        """Whether a value that varies has the batch first, as an output of a scan with lens must."""
        assert self.scan.lens is not None
        return not self.step.varies(value) or shape_of(value)[:1] == shape_of(self.scan.lens)

    def keep_what_pays(self) -> None:
        """Leave in the step what is no cheaper outside.

        A product and all that follows it leaves. What comes before one, or has none, leaves while
        what must be stacked for it is no larger than its result; without a product it must be
        element-wise work on which the zeros of unreached rows need no care.
        """
        step = self.step
        while True:
            products = [op for op in self.chosen if isinstance(op, nn.MatmulOp)]
            after = step.reached(products)
            before = step.feeding(v for op in products for v in op.operands)
            worth = before | after
            staying = {op for op in self.chosen if not self._pays(op, worth, after)}
            if not staying:
                return
            # What feeds an operation that stays must stay as well.
            staying |= step.feeding(value for op in staying for value in op.operands)
            self.chosen = {op: flag for op, flag in self.chosen.items() if op not in staying}

    def _pays(self, op: Operation, worth: set[Operation], after: set[Operation]) -> bool:
        if op in after:
            return True
        small = self._stacks(op) <= nbytes(op.results[0])
        return small and (op in worth or self._is_easy(op))

    def _is_easy(self, op: Operation) -> bool:
        return isinstance(op, POINTWISE) and rest_is_zero(self.scan, [op])

    def _stacks(self, op: Operation) -> int:
        """Bytes that a step must stack for an operation alone, beside what it has or stacks anyway."""
        there = set(self.scan.yielded_outputs)
        if self.scan.lens is None and self.scan.steps is None:
            there.update(self.scan.slice_args)
        read = {v for v in op.operands if self.step.varies(v) and v.owner not in self.chosen}
        return sum(nbytes(v) for v in read - there)
