"""Sorting rows by length on the machine, and putting them back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.passes._emit import Emitter


@dataclass(frozen=True)
class Order:
    """A permutation of rows, longest first, equally long ones as they came.

    Attributes:
        rows: for each place the row that goes there, i64 [size].
        ranks: for each row its place, i64 [size].
    """

    rows: SSAValue
    ranks: SSAValue

    @staticmethod
    def of(emit: Emitter, lengths: SSAValue) -> Order:
        """The order of lengths [size]: a row's place is how many go before it."""
        size = shape_of(lengths)[0]
        down, across = emit.unsqueeze(lengths, 1), emit.unsqueeze(lengths, 0)
        longer = emit(nn.CompareOp("gt", across, down))
        alike = emit(nn.CompareOp("eq", across, down))
        earlier = emit.constant(np.tri(size, k=-1, dtype=np.bool_))
        first = emit.binary("or", longer, emit.binary("and", alike, earlier))
        ranks = emit(nn.ReduceOp("sum", emit(nn.CastOp(first, i64)), [1]))
        places = emit.constant(np.arange(size, dtype=np.int64).reshape(size, 1))
        there = emit(nn.CompareOp("eq", emit.unsqueeze(ranks, 0), places))
        rows = emit(nn.ArgReduceOp("argmax", emit(nn.CastOp(there, i64)), 1))
        return Order(rows, ranks)

    def sorted(self, emit: Emitter, value: SSAValue, axis: int) -> SSAValue:
        """The rows of a tensor in this order."""
        return emit(nn.GatherOp(value, self.rows, axis))

    def restored(self, emit: Emitter, value: SSAValue, axis: int) -> SSAValue:
        """The rows of a sorted tensor in the caller's order."""
        return emit(nn.GatherOp(value, self.ranks, axis))
