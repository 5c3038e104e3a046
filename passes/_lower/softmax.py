"""nn.softmax and nn.arg_reduce: what works along one axis."""

from __future__ import annotations

from rnncc.dialects import nn, npu
from rnncc.passes._lower.attributes import tile_of
from rnncc.passes._lower.dims import ONE
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.reduction import accumulate, kept
from rnncc.passes._lower.ref import Ref


def arg_reduce(low: Lowering, op: nn.ArgReduceOp) -> None:
    """One instruction over the axis, wherever it lies."""
    axis = op.axis.value.data
    source = low.get(op.x)
    target = kept(low.place(op.result), [axis], op.keepdims is None)
    last = op.select_last is not None

    def inside(dst: Ref, src: Ref) -> None:
        order = [i for i in range(len(src.dims)) if i != axis] + [axis]
        low.walk(
            [dst.transpose(order), src.transpose(order)],
            lambda d, a, **x: npu.ArgReduceOp(op.kind.data, d, a, select_last=last, **x),
            fixed=1,
        )

    def block(refs: list[Ref]) -> None:
        low.staged(refs[0], refs[1:], inside)

    low.blocks(source.dims, [target, source], tile_of(op), block)


def softmax(low: Lowering, op: nn.SoftmaxOp) -> None:
    """exp(x - max) over its sum; the logarithm subtracts the sum's logarithm instead.

    Short floats are rounded by each instruction, as ONNX defines softmax by operators of the type itself; the
    sum is one instruction, rounded once.
    """
    axis = op.axis.value.data
    source, target = low.get(op.x), low.place(op.result)
    log = op.log is not None

    def inside(dst: Ref, src: Ref) -> None:
        kept = [ONE if i == axis else d for i, d in enumerate(src.dims)]
        peak = low.alloc(kept, src.element, name="max")
        total = low.alloc(kept, src.element, name="sum")
        wide_peak, wide_total = peak.broadcast(src.dims), total.broadcast(src.dims)
        accumulate(low, "max", peak, src, [axis])
        low.walk([dst, src, wide_peak], lambda d, a, b, **x: npu.BinaryOp("sub", d, a, b, **x))
        terms = low.alloc(src.dims, src.element, name="exp") if log else dst
        low.walk([terms, dst], lambda d, a, **x: npu.UnaryOp("exp", d, a, **x))
        accumulate(low, "sum", total, terms, [axis])
        if log:
            low.walk([total, total], lambda d, a, **x: npu.UnaryOp("log", d, a, **x))
        kind = "sub" if log else "div"
        low.walk([dst, dst, wide_total], lambda d, a, b, **x: npu.BinaryOp(kind, d, a, b, **x))

    def block(refs: list[Ref]) -> None:
        low.staged(refs[0], refs[1:], inside)

    low.blocks(source.dims, [target, source], tile_of(op), block)


HANDLERS = {nn.ArgReduceOp: arg_reduce, nn.SoftmaxOp: softmax}
