"""accumulate-products: sums behind products are made by the array, which adds to what is there.

Needs: products that only a sum reads; after split-gates more are found. Ensures: such products in the steps of
recurrences carry ``npu.accumulate``, which lower-to-npu obeys: the other summand (a bias, an input product made before)
is where the sum will be, and the product is added to it. Exact: the same additions in the same order.

A sum costs the vector engine an instruction, on a chain of function units perhaps a pass of its own; what accumulates
costs the array nothing. Biases are put in place by the DMA engine, as long before as it has time.

``policy=auto`` measures (``_sum_choice``): with and without, and on a machine of chains for each way to compute the
gates of a step together or apart, since only operations of as many elements share a pass. It never makes a program
slower.

Source: accumulators that are loaded with the bias (Jouppi et al., ISCA 2017; Genc et al., Gemmini, DAC 2021); products
of input and state in one accumulator: common practice since Appleyard et al. 2016.

Raises:
    PassError: an unknown policy.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp
from rnncc.errors import PassError, nearest
from rnncc.passes._lower.attributes import ACCUMULATE_ATTR
from rnncc.passes._lower.sums import can_accumulate
from rnncc.passes._remarks import remark, title

POLICIES = ("always", "auto")


@dataclass(frozen=True)
class AccumulateProductsPass(ModulePass):
    """Products in the steps of recurrences are added to what is there."""

    name = "accumulate-products"

    policy: str = "always"
    """``always``, or ``auto``: where the machine gains from it, with the gates of a step together or apart."""
    target: str = "edge"
    """Machine name or description file that ``auto`` measures on."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Mark products in every scan of the module."""
        if self.policy not in POLICIES:
            raise PassError(
                f"accumulate-products: unknown policy '{self.policy}' (policies: {', '.join(POLICIES)})",
                nearest(self.policy, POLICIES),
            )
        scans = [inner for inner in op.walk() if isinstance(inner, ScanOp)]
        if self.policy == "auto":
            from rnncc.passes._sum_choice import choose

            choose(ctx, op, scans, self.target)
            return
        for scan in scans:
            marked = accumulate(scan)
            what = (
                f"{marked} products are added to what is there"
                if marked
                else "no product is only added to something"
            )
            remark(scan, self.name, f"{title(scan)}: {what}")


def accumulate(scan: ScanOp) -> int:
    """Mark the products of a step that can be added to what is there; returns how many."""
    marked = 0
    for op in list(scan.body.block.ops):
        if not isinstance(op, nn.MatmulOp):
            continue
        add = op.result.get_user_of_unique_use()
        if not isinstance(add, nn.BinaryOp) or add.parent is not op.parent:
            continue
        other = add.b.owner if add.a is op.result else add.a.owner
        # Of two products the later one is added to the other.
        if (
            isinstance(other, nn.MatmulOp)
            and op.is_before_in_block(other)
            and can_accumulate(other)
        ):
            continue
        if not can_accumulate(op):
            op.detach()
            scan.body.block.insert_op_before(op, add)
        if can_accumulate(op):
            op.attributes[ACCUMULATE_ATTR] = UnitAttr()
            marked += 1
    return marked
