"""Products that add to what is there: the sum behind a product without an instruction of its own."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn, npu
from rnncc.dialects._types import shape_of, type_of
from rnncc.passes._lower.attributes import ACCUMULATE_ATTR, memory_of_value
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.narrow import NARROW
from rnncc.passes._lower.products import stationary_left
from rnncc.passes._lower.ref import Ref, same_window


def can_accumulate(op: nn.MatmulOp) -> bool:
    """Whether the one reader of a product adds it to something of a size that is known before it."""
    add = op.result.get_user_of_unique_use()
    if not isinstance(add, nn.BinaryOp) or add.kind.data != "add" or add.parent is not op.parent:
        return False
    if stationary_left(op) or add.result.type != op.result.type or 0 in shape_of(op.a):
        return False
    if type_of(op.result).get_element_type() in NARROW:
        return False  # sums of narrow numbers are made in wide ones
    maker = summand_of(op, add).owner
    if not isinstance(maker, Operation) or maker.parent is not op.parent:
        return True
    return maker.is_before_in_block(op)


def summand_of(op: nn.MatmulOp, add: nn.BinaryOp) -> SSAValue:
    """What a sum adds to a product."""
    return add.b if add.a is op.result else add.a


def sum_of(op: nn.MatmulOp) -> nn.BinaryOp | None:
    """The sum that a product makes itself: chosen by `accumulate-products`, and in vector memory."""
    if ACCUMULATE_ATTR not in op.attributes or not can_accumulate(op):
        return None
    add = op.result.get_user_of_unique_use()
    assert isinstance(add, nn.BinaryOp)
    return add if memory_of_value(add.result) == "vmem" else None


def begun(low: Lowering, op: nn.MatmulOp, add: nn.BinaryOp) -> Ref:
    """Where the sum is made, with the other summand in it."""
    source = low.get(summand_of(op, add))
    target = low.place(add.result)
    if not same_window(target, source):
        # The DMA engine has time for it before the product; a pass of the vector engine would be waited for.
        source = low.load(source).broadcast(target.dims)
        low.walk([target, source], npu.DmaOp)
    low.done.add(add)
    low.put(op.result, target)
    return target


def wanted_sum(add: Operation, number: int, value: SSAValue) -> bool:
    """Whether a value is to be made where a product adds to it: the sum reads it, and nothing else does."""
    if not isinstance(add, nn.BinaryOp) or not value.has_one_use():
        return False
    product = add.operands[1 - number].owner
    return (
        isinstance(product, nn.MatmulOp)
        and sum_of(product) is add
        and value.type == add.result.type
    )
