"""What follows an operation on each of its blocks, in place, instead of on the whole tensor."""

from __future__ import annotations

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.passes._lower.attributes import EPILOGUE_ATTR

FOLLOWED = (nn.ConvOp, nn.UnaryOp, nn.BinaryOp)
"""Operations that may be part of a convolution's chain."""


def mark_chain(op: nn.ConvOp) -> None:
    """Mark a convolution and what can follow on each of its blocks, in place: bias, activation."""
    current: nn.NNOp = op
    while True:
        use = current.results[0].get_user_of_unique_use()
        if use is None or use.parent is not op.parent or not _pointwise(use, current.results[0]):
            return
        if isinstance(use, nn.BinaryOp) and not _known_before(use.b, op):
            return
        current.attributes[EPILOGUE_ATTR] = UnitAttr()
        current = use  # pyright: ignore[reportAssignmentType]


def _pointwise(use: Operation, value: SSAValue) -> bool:
    """Whether an operation changes `value` by itself alone, or with one number for each channel."""
    if isinstance(use, nn.UnaryOp):
        return use.kind.data != "identity"
    if not isinstance(use, nn.BinaryOp) or use.b is value or use.result.type != value.type:
        return False
    if any(symbols_of(use.b)):
        return False
    shape, rank = shape_of(use.b), len(shape_of(value))
    channel = len(shape) - rank + 1
    return all(n == 1 or i == channel for i, n in enumerate(shape))


def _known_before(value: SSAValue, op: Operation) -> bool:
    maker = value.owner
    if not isinstance(maker, Operation) or isinstance(maker, nn.ConstantOp):
        return True
    return maker.parent is not op.parent or maker.is_before_in_block(op)


def chain_of(op: nn.ConvOp) -> list[nn.NNOp]:
    """The operations that `place-memory` chose to do on the blocks of a convolution, in order."""
    chain: list[nn.NNOp] = []
    current: nn.NNOp = op
    while EPILOGUE_ATTR in current.attributes:
        (use,) = current.results[0].uses
        assert isinstance(use.operation, nn.NNOp)
        current = use.operation
        chain.append(current)
    return chain
