"""Small tools of the canonicalization patterns."""

from __future__ import annotations

import numpy as np
from xdsl.ir import OpResult, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from rnncc.dialects import nn
from rnncc.dialects._types import copy_node


def replace(rewriter: PatternRewriter, old: nn.NNOp, new: nn.NNOp | SSAValue) -> None:
    """Put an operation, or a value that is already there, in the place of `old`."""
    if isinstance(new, SSAValue):
        rewriter.replace(old, [], [new])
        return
    copy_node(old, new)
    new.results[0].name_hint = old.results[0].name_hint
    rewriter.replace(old, new)


def insert(rewriter: PatternRewriter, old: nn.NNOp, new: nn.NNOp) -> SSAValue:
    """Put a new operation before `old`, for `old`'s sake."""
    copy_node(old, new)
    rewriter.insert(new)
    return new.results[0]


def constant(value: SSAValue) -> nn.ConstantOp | None:
    """The operation that makes a value, if that is nn.constant."""
    if isinstance(value, OpResult) and isinstance(value.op, nn.ConstantOp):
        return value.op
    return None


def everywhere(value: SSAValue, number: float, limit: int = 4096) -> bool:
    """Whether a value is a constant of this number only, with its sign for zero."""
    if (op := constant(value)) is None:
        return False
    array = op.array
    if not 0 < array.size <= limit:
        return False
    same = bool(np.all(array == number))
    if same and number == 0 and array.dtype.kind not in "iub":
        return bool(np.all(np.signbit(array) == np.signbit(number)))
    return same
