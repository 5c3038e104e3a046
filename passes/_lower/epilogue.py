"""What follows a product: an operation that can be done on its blocks, in place."""

from __future__ import annotations

from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.passes._lower.attributes import EPILOGUE_ATTR


def reader_of(op: nn.MatmulOp) -> nn.BinaryOp | None:
    """The binary operation that alone reads a product, perhaps through reshapes."""
    use = op.result.get_user_of_unique_use()
    while isinstance(use, nn.ReshapeOp):
        use = use.result.get_user_of_unique_use()
    return use if isinstance(use, nn.BinaryOp) else None


def is_product(value: SSAValue, op: nn.MatmulOp) -> bool:
    """Whether a value is a product, perhaps reshaped."""
    while isinstance(value.owner, nn.ReshapeOp):
        value = value.owner.x
    return value is op.result


def epilogue_of(op: nn.MatmulOp) -> nn.BinaryOp | None:
    """The operation that `place-memory` chose to do on the blocks of a product."""
    return reader_of(op) if EPILOGUE_ATTR in op.attributes else None


def epilogue_line(op: nn.MatmulOp, after: nn.BinaryOp) -> SSAValue:
    """The vector that the operation behind a product combines it with."""
    return after.b if is_product(after.a, op) else after.a
