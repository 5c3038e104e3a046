"""What follows a convolution on each of its blocks, in place: bias and activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnncc.dialects import nn, npu
from rnncc.dialects._types import NODE_ATTR, shape_of
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref


def finish(low: Lowering, chain: Sequence[nn.NNOp], dst: Ref, out: Ref) -> None:
    """Do the chain on the block `out` [n, m, h, w] and bring it to `dst`, if it is not there already."""
    inside = dst.memory == "vmem"
    before = low.node
    for number, op in enumerate(chain):
        low.node = op.attributes.get(NODE_ATTR, before)
        # The first step that can write to the destination takes the block there.
        last = number == len(chain) - 1
        target = dst if inside and last else out
        if isinstance(op, nn.BinaryOp):
            line = channel_line(low, op).broadcast(out.dims)
            kind = op.kind.data
            low.walk(
                [target, out, line], lambda d, a, b, k=kind, **x: npu.BinaryOp(k, d, a, b, **x)
            )
        elif isinstance(op, nn.UnaryOp):
            kind, (alpha, beta) = op.kind.data, op.parameters()
            low.walk(
                [target, out],
                lambda d, a, k=kind, p=alpha, q=beta, **x: npu.UnaryOp(
                    k, d, a, alpha=p, beta=q, **x
                ),
            )
    low.node = before
    if out is dst or (inside and chain):
        return
    low.walk([dst, out], npu.DmaOp)


def channel_line(low: Lowering, op: nn.BinaryOp) -> Ref:
    """The second operand, one number a channel or one for all, as [1, m, 1, 1] in vector memory."""
    ref = low.get(op.b)
    axis = len(ref.dims) - len(shape_of(op.result)) + 1
    for i in reversed(range(len(ref.dims))):
        if i != axis:
            ref = ref.at(i, 0)
    ref = low.load(ref if ref.dims else ref.insert(0))
    one = ref.insert(1).insert(1).insert(0)
    return replace(one, level=ref.level)
