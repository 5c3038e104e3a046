"""What is known about a product before it is lowered: its weights, and what may follow it."""

from __future__ import annotations

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.passes._lower.epilogue import is_product, reader_of
from rnncc.passes._lower.storage import root_of


def depth_of(value: SSAValue) -> int:
    """How many loops are around the place that makes a value; -1 for constants."""
    value = root_of(value)
    if isinstance(value.owner, nn.ConstantOp):
        return -1
    block = value.owner if isinstance(value.owner, Block) else value.owner.parent
    depth = 0
    parent = block.parent_op() if block is not None else None
    while parent is not None:
        depth += isinstance(parent, rnn.ScanOp | rnn.WhileOp)
        parent = parent.parent_op()
    return depth


def stationary_left(op: nn.MatmulOp) -> bool:
    """Whether the left operand of a product should be the weights: it changes more seldom."""
    one_a, one_b = (all(n == 1 for n in v.type.get_shape()[:-2]) for v in (op.a, op.b))  # type: ignore[attr-defined]
    if one_a != one_b:
        return one_a
    return depth_of(op.a) < depth_of(op.b)


def weights_of(op: nn.MatmulOp | nn.ConvOp) -> SSAValue:
    """The operand that goes to the weight memory."""
    if isinstance(op, nn.ConvOp):
        return op.w
    return op.a if stationary_left(op) else op.b


COMMUTATIVE = frozenset({"add", "mul", "min", "max"})


def can_follow(op: nn.MatmulOp) -> bool:
    """Whether the one reader of a product can be done on its blocks, in place.

    That is a binary operation with a vector along n that is known before the product: a bias. There
    may be a reshape between them that leaves n alone.
    """
    use = reader_of(op)
    if use is None or use.parent is not op.parent or stationary_left(op):
        return False
    line, product = (use.b, use.a) if is_product(use.a, op) else (use.a, use.b)
    if line is use.a and use.kind.data not in COMMUTATIVE:
        return False
    if use.result.type != product.type or shape_of(product)[-1:] != shape_of(op.result)[-1:]:
        return False
    shape = shape_of(line)
    if any(n != 1 for n in shape[:-1]) or any(symbols_of(line)):
        return False
    maker = line.owner
    return (
        not isinstance(maker, Operation)
        or isinstance(maker, nn.ConstantOp)
        or (maker.parent is not op.parent or maker.is_before_in_block(op))
    )
