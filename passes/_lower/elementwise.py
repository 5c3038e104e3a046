"""nn operations that work element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn, npu
from rnncc.passes._lower.attributes import tile_of
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.movement import settle
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.scalars import in_register


def pointwise(
    low: Lowering, op: Operation, inputs: Sequence[SSAValue], make: Callable[..., Any]
) -> None:
    """One instruction a block over the result's extents, operands broadcast by zero strides."""
    result = op.results[0]
    sources = [low.get(v).broadcast(low.dims(result)) for v in inputs]
    target = low.place(result)

    def block(refs: list[Ref]) -> None:
        low.staged(refs[0], refs[1:], lambda *inside: low.walk(inside, make))

    low.blocks(target.dims, [target, *sources], tile_of(op), block)


def unary(low: Lowering, op: nn.UnaryOp) -> None:
    """The identity is a view; everything else an instruction."""
    if op.kind.data == "identity":
        settle(low, op.result, low.get(op.x))
        return
    alpha, beta = op.parameters()
    pointwise(
        low,
        op,
        [op.x],
        lambda d, a, **x: npu.UnaryOp(op.kind.data, d, a, alpha=alpha, beta=beta, **x),
    )


def binary(low: Lowering, op: nn.BinaryOp) -> None:
    """One binary instruction; none for the arithmetic of addresses."""
    if in_register(low, op):
        return
    pointwise(low, op, [op.a, op.b], lambda d, a, b, **x: npu.BinaryOp(op.kind.data, d, a, b, **x))


def compare(low: Lowering, op: nn.CompareOp) -> None:
    """One compare instruction; none where a register decides what registers are made of."""
    if in_register(low, op):
        return
    pointwise(low, op, [op.a, op.b], lambda d, a, b, **x: npu.CompareOp(op.kind.data, d, a, b, **x))


def select(low: Lowering, op: nn.SelectOp) -> None:
    """One select instruction."""
    pointwise(low, op, [op.c, op.a, op.b], npu.SelectOp)


def cast(low: Lowering, op: nn.CastOp) -> None:
    """A conversion; a view where the type stays."""
    if op.x.type == op.result.type:
        settle(low, op.result, low.get(op.x))
        return
    pointwise(low, op, [op.x], npu.ConvertOp)


HANDLERS = {
    nn.UnaryOp: unary,
    nn.BinaryOp: binary,
    nn.CompareOp: compare,
    nn.SelectOp: select,
    nn.CastOp: cast,
}
IN_PLACE = (nn.UnaryOp, nn.BinaryOp, nn.SelectOp, nn.DynamicUpdateOp)
"""Operations that may overwrite an operand they read at the very same places."""
