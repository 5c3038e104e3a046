"""What is known of a register's largest value."""

from __future__ import annotations

from xdsl.ir import BlockArgument, SSAValue

from rnncc.dialects import npu
from rnncc.dialects._types import symbol_maxima


def register_limit(register: SSAValue) -> int | None:
    """The largest value a register can have; None when nothing is known.

    Lengths are bounded by their symbol, loop indices by their loop; what is left of a number when
    something not negative is taken away by that number.
    """
    owner = register.owner
    if isinstance(owner, npu.ImmediateOp):
        return owner.value.value.data
    if isinstance(owner, npu.LengthOp):
        return symbol_maxima(owner).get(owner.symbol.data)
    if isinstance(owner, npu.ScalarOp):
        a, b = register_limit(owner.a), register_limit(owner.b)
        if owner.kind.data == "min":
            return min((v for v in (a, b) if v is not None), default=None)
        if owner.kind.data in ("add", "mul", "max") and a is not None and b is not None:
            return {"add": a + b, "mul": a * b, "max": max(a, b)}[owner.kind.data]
        if owner.kind.data == "sub" and a is not None and _not_negative(owner.b):
            return a
        if owner.kind.data in ("lt", "le", "eq", "ne"):
            return 1
        return None
    limit = index_limit(register)
    return None if limit is None else limit - 1


def _not_negative(register: SSAValue) -> bool:
    """Whether a register can be seen to be at least 0: a length, a loop's index, such a number."""
    owner = register.owner
    if isinstance(owner, npu.ImmediateOp):
        return owner.value.value.data >= 0
    return isinstance(owner, npu.LengthOp) or index_limit(register) is not None


def index_limit(index: SSAValue) -> int | None:
    """One past the largest value of an index register."""
    if not isinstance(index, BlockArgument):
        return None
    loop = index.owner.parent_op()
    return max(1, loop.maximum) if isinstance(loop, npu.LoopOp) else None
