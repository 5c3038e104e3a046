"""Selects that a model writes with products: ``u * new + (1 - u) * old``, as the Skip RNN paper does."""

from __future__ import annotations

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import type_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import constant_of


def blends(scan: ScanOp) -> list[nn.BinaryOp]:
    """The sums ``u * a + (1 - u) * b`` of a step with u of 0 or 1 (a flag, or rounded)."""
    sums = [
        op for op in scan.body.block.ops if isinstance(op, nn.BinaryOp) and op.kind.data == "add"
    ]
    return [op for op in sums if _blended(op.a, op.b) or _blended(op.b, op.a)]


def _blended(part: SSAValue, rest: SSAValue) -> bool:
    """Whether two summands are ``u * a`` and ``(1 - u) * b``."""
    others = [_rest(factor) for factor in _factors(rest)]
    return any(f is other and _is_flag(f) for f in _factors(part) for other in others)


def _is_flag(value: SSAValue) -> bool:
    owner = value.owner
    if isinstance(owner, nn.CastOp):
        return type_of(owner.x).element_type == i1
    return isinstance(owner, nn.UnaryOp) and owner.kind.data == "round"


def _factors(value: SSAValue) -> list[SSAValue]:
    owner = value.owner
    product = isinstance(owner, nn.BinaryOp) and owner.kind.data == "mul"
    return [owner.a, owner.b] if product else []  # pyright: ignore


def _rest(value: SSAValue) -> SSAValue | None:
    """u of ``1 - u``."""
    owner = value.owner
    if isinstance(owner, nn.BinaryOp) and owner.kind.data == "sub":
        one = constant_of(owner.a)
        if one is not None and (one == 1).all():
            return owner.b
    return None
