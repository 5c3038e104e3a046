"""How near a frame is to the last processed one: the three metrics of gate-frames.

With x the frame and p the last processed one, all elements of all frames of a step together (by row
where a batch has rows):

- ``l2``: ``||x - p|| <= threshold * ||p||``, a part of the last processed frame's norm, no unit;
- ``linf``: ``max |x - p| <= threshold``, in the frames' own unit;
- ``cosine``: ``1 - x.p / (||x|| ||p||) <= threshold``, from 0 (same direction) to 2, no unit; a frame
  that is all zero has no direction and is near to nothing.

A distance that is not a number is not near: that is how the first step is always processed (before
it, p is not a number).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import Float32Type, Float64Type, f32
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.passes._emit import Emitter

METRICS = ("l2", "linf", "cosine")


def wide(value: SSAValue) -> Attribute:
    """The type that frames are compared in: their own when it is f32 or f64, else f32."""
    element = type_of(value).element_type
    return element if isinstance(element, Float32Type | Float64Type) else f32


class Distance:
    """One metric with its threshold, over `rows` rows of frames.

    Frames are given as [rows, n] in `wide` types, one tensor for each sequence of frames.
    """

    def __init__(self, metric: str, threshold: float, rows: int):
        self.metric, self.threshold, self.rows = metric, threshold, rows

    @property
    def remembers(self) -> bool:
        """Whether a number for each row of the last processed frame is carried, see `memory`."""
        return self.metric != "linf"

    def memory(self, frames: Sequence[SSAValue], emit: Emitter) -> SSAValue:
        """What is carried of a processed frame: [rows]. For l2 the largest squared distance that is
        near, for cosine the norm."""
        squares = self._sum([(f, f) for f in frames], emit)
        if self.metric == "cosine":
            return emit(nn.UnaryOp("sqrt", squares))
        return emit.binary("mul", squares, self._number(self.threshold**2, squares, emit))

    def near(
        self,
        frames: Sequence[SSAValue],
        last: Sequence[SSAValue],
        memory: SSAValue | None,
        emit: Emitter,
    ) -> SSAValue:
        """Which rows are near: i1 [rows]."""
        pairs = list(zip(frames, last, strict=True))
        if self.metric == "cosine":
            assert memory is not None
            dot = self._sum(pairs, emit)
            norm = emit(nn.UnaryOp("sqrt", self._sum([(f, f) for f in frames], emit)))
            along = emit.binary("div", dot, emit.binary("mul", norm, memory))
            away = emit.binary("sub", self._number(1.0, along, emit), along)
            return emit(nn.CompareOp("le", away, self._number(self.threshold, away, emit)))
        changes = [emit.binary("sub", a, b) for a, b in pairs]
        if self.metric == "l2":
            assert memory is not None
            return emit(nn.CompareOp("le", self._sum([(d, d) for d in changes], emit), memory))
        worst: SSAValue | None = None
        for change in changes:
            most = self._most(change, emit)
            worst = most if worst is None else emit.binary("max", worst, most)
        assert worst is not None
        return emit(nn.CompareOp("le", worst, self._number(self.threshold, worst, emit)))

    @staticmethod
    def _most(change: SSAValue, emit: Emitter) -> SSAValue:
        return emit(nn.ReduceOp("max", emit(nn.UnaryOp("abs", change)), [1]))

    def _sum(self, pairs: Sequence[tuple[SSAValue, SSAValue]], emit: Emitter) -> SSAValue:
        """The sum of products over all sequences, by row."""
        total: SSAValue | None = None
        for a, b in pairs:
            part = emit(nn.ReduceOp("sum", emit.binary("mul", a, b), [1]))
            if total is not None and part.type != total.type:
                part = emit(nn.CastOp(part, type_of(total).element_type))
            total = part if total is None else emit.binary("add", total, part)
        assert total is not None
        return total

    @staticmethod
    def _number(value: float, like: SSAValue, emit: Emitter) -> SSAValue:
        dtype = numpy_dtype(type_of(like).element_type)
        return emit.constant(np.asarray(value, dtype))


def all_of(flags: SSAValue, emit: Emitter) -> SSAValue:
    """Whether all of some i1 elements hold: i1 []."""
    if np.prod(shape_of(flags), dtype=int) == 1:
        return emit.reshape(flags, (), ())
    return emit(nn.ReduceOp("min", flags, list(range(len(shape_of(flags))))))
