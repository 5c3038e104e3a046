"""The operation behind a product, on each of its blocks while it is in vector memory."""

from __future__ import annotations

from rnncc.dialects import nn, npu
from rnncc.dialects._types import NODE_ATTR
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.weights import Plan


def nothing(low: Lowering, plan: Plan, out: Ref, *line: Ref) -> None:
    """A product over no k, and what follows it."""
    low.fill(out, 0)
    if plan.after is not None:
        follow(low, plan.after, out, line[0])


def follow(low: Lowering, op: nn.BinaryOp, out: Ref, line: Ref) -> None:
    """The operation behind the product, on the block that has just been made."""
    before = low.node
    low.node = op.attributes.get(NODE_ATTR, before)
    low.walk(
        [out, out, line.broadcast(out.dims)],
        lambda d, a, b, **x: npu.BinaryOp(op.kind.data, d, a, b, **x),
    )
    low.node = before
