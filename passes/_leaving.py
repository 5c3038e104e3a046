"""What a loop that may be left early asks of the order of its body.

A turn that an `npu.break` ends must have done what stands before it and nothing of what stands
behind, as far as anyone can tell: buffers that live inside one turn are nobody's business. So the
part of the next step that does not wait for the condition may be issued while that is computed.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import npu

if TYPE_CHECKING:
    from rnncc.passes._windows import AccessTable

DIVIDES = frozenset({"div", "ceildiv", "mod"})


def waits_for_break(op: Operation, table: AccessTable, local: AbstractSet[SSAValue]) -> bool:
    """Whether an operation must stay on its side of every break in its block.

    It may pass when it writes local buffers only, and cannot stop the program: a gather checks its
    indices, and what is read from memory may make an address or an extent impossible.

    Args:
        op: a node of the dependence graph.
        table: what operations touch.
        local: buffers that live inside one run of the block.
    """
    if isinstance(op, npu.ReadOp):
        return _is_data(op.view)
    if not isinstance(op, npu.InstructionOp) or isinstance(op, npu.GatherOp):
        return True
    if any(access.write and access.window.buffer not in local for access in table.of(op)):
        return True
    return any(_is_data(value) for value in op.operands)


def _is_data(value: SSAValue) -> bool:
    """Whether an address or extent comes from memory, or from a division that may stop the program."""
    owner = value.owner
    if isinstance(owner, npu.ReadOp):
        return True
    if isinstance(owner, npu.ViewOp):
        return owner.index is not None and _is_data(owner.index)
    if isinstance(owner, npu.ScalarOp):
        if owner.kind.data in DIVIDES and not isinstance(owner.b.owner, npu.ImmediateOp):
            return True
        return _is_data(owner.a) or _is_data(owner.b)
    return False
