"""What does not change from step to step: whether a value is from outside a loop, moving it there."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue
from xdsl.traits import is_side_effect_free

from rnncc.dialects import nn
from rnncc.dialects.rnn import Recurrence, WhileOp, YieldOp


def hoist_invariants(scan: Recurrence) -> None:
    """Move what reads nothing of the step before the scan or while.

    What a while would perhaps never do must not stop the program: a gather's indices may be wrong.
    """
    before = scan.parent
    assert before is not None
    for op in [inner for region in scan.regions for inner in region.block.ops]:
        reads = [value for inner in op.walk() for value in inner.operands]
        own = set(op.walk())
        moves = is_side_effect_free(op) and not isinstance(op, YieldOp)
        if isinstance(scan, WhileOp):
            moves = moves and not any(isinstance(inner, nn.GatherOp) for inner in own)
        if moves and all(is_outside(v, scan) or _owner(v) in own for v in reads):
            op.detach()
            before.insert_op_before(op, scan)


def _owner(value: SSAValue) -> Operation | None:
    """The operation that a value belongs to, as result or as argument of its region."""
    owner = value.owner
    return owner if isinstance(owner, Operation) else owner.parent_op()


def is_outside(value: SSAValue, scan: Recurrence) -> bool:
    """Whether a value is made outside of the regions of a scan or while."""
    owner = _owner(value)
    return owner is None or not scan.is_ancestor(owner)
