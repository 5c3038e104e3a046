"""One step of an operation that treats every step alike."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._nn_base import ints
from rnncc.errors import PassError


def operation_of_step(
    op: nn.NNOp, operands: Sequence[SSAValue], wanted: TensorType, axis: int
) -> Operation:
    """An operation on one step of its operands; not inserted.

    Args:
        op: the operation on all steps.
        operands: one step of each operand that has steps, the others as they are.
        wanted: the type of one step of the result.
        axis: of the result, along which its steps are.

    Raises:
        PassError: the operation gives another type: its steps are not alike.
    """
    properties = dict(op.properties)
    if isinstance(op, nn.SliceOp):
        sizes = list(op.sizes.get_values())
        sizes[axis] = wanted.get_shape()[axis]
        properties["sizes"] = ints(sizes)
    made = type(op).create(
        operands=operands,
        result_types=[wanted],
        properties=properties,
        attributes=dict(op.attributes),
        location=op.location,
    )
    if (found := made.inferred()) != wanted:
        raise PassError(f"{op.name} of one step gives {found}: {wanted} expected")
    return made
