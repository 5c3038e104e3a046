"""Which tensor values share storage, and who reads them."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.passes._lower.attributes import EPILOGUE_ATTR
from rnncc.passes._lower.chain import FOLLOWED
from rnncc.passes._lower.epilogue import epilogue_of

VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastOp, nn.DynamicSliceOp)
"""Operations whose result is (nearly always) the storage of their first operand."""


def root_of(value: SSAValue) -> SSAValue:
    """The value whose storage this one shares: through views, and into a concatenation."""
    while True:
        owner = value.owner
        if isinstance(owner, VIEWS):
            value = owner.operands[0]
            continue
        if isinstance(owner, nn.MatmulOp) and (after := epilogue_of(owner)) is not None:
            value = after.result
            continue
        if isinstance(owner, FOLLOWED) and EPILOGUE_ATTR in owner.attributes:
            (use,) = value.uses
            value = use.operation.results[0]
            continue
        fixed = isinstance(owner, nn.ConstantOp) or _is_state(value)
        if isinstance(owner, Operation) and not fixed:
            only = [use.operation for use in value.uses]
            if (
                len(only) == 1
                and isinstance(only[0], nn.ConcatOp)
                and only[0].parent is owner.parent
            ):
                value = only[0].result
                continue
        return value


def _is_state(value: SSAValue) -> bool:
    """Whether a value is the last one of a state, whose storage every turn of a loop works on."""
    owner = value.owner
    if not isinstance(owner, rnn.ScanOp | rnn.WhileOp):
        return False
    return any(value is state for state in owner.states)


def ancestor_in(block: Block, op: Operation) -> Operation | None:
    """The operation of `block` that is or contains `op`."""
    current: Operation | None = op
    while current is not None and current.parent is not block:
        current = current.parent_op()
    return current


def readers(value: SSAValue) -> Iterator[Operation]:
    """Operations that compute with a value's storage, through views and concatenations."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, VIEWS) and use.index == 0:
            yield from readers(op.results[0])
        elif isinstance(op, nn.ConcatOp) and root_of(value) is root_of(op.result):
            yield from readers(op.result)
        else:
            yield op


def only_returned(value: SSAValue) -> bool:
    """Whether nothing but the end of the program reads a value."""
    found = list(readers(value))
    return bool(found) and all(isinstance(op, func.ReturnOp) for op in found)
