"""The next token from the logits, on the machine: the best, or one drawn by its probability.

Sampling inverts the distribution: of u in [0, 1) it takes the first token at which the sum of the
probabilities so far exceeds u. Sums over a whole vocabulary are made in two levels, rows of about the
square root of its size, so that two small products with a triangle do it. With top-k the k best come
first, one after the other, the earlier of equals first, and only they are summed.
Source: inverse transform sampling (Devroye 1986, section 2.2); top-k as in Fan et al. 2018, arXiv:1805.04833.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np
from xdsl.dialects.builtin import f32, i64
from xdsl.ir import Block, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, tensor_type, type_of
from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp
from rnncc.passes._emit import Emitter


@dataclass(frozen=True)
class Choice:
    """How a token is chosen.

    Attributes:
        temperature: the logits are divided by it; None takes the best token.
        top_k: only so many of the best are drawn from; None for all.
    """

    temperature: float | None = None
    top_k: int | None = None

    @property
    def draws(self) -> bool:
        """Whether random numbers are needed."""
        return self.temperature is not None

    def of(self, emit: Emitter, logits: SSAValue, u: SSAValue | None) -> SSAValue:
        """The token, i64 without dimensions.

        Args:
            emit: where.
            logits: [words].
            u: a number in [0, 1), f32 without dimensions, when it draws.
        """
        if self.temperature is None or u is None:
            return best(emit, logits)
        if type_of(logits).get_element_type() != f32:
            logits = emit(nn.CastOp(logits, f32))
        scale = emit.scalar(float(np.float32(1) / np.float32(self.temperature)), f32)
        if self.top_k is None:
            return _drawn(emit, emit.binary("mul", logits, scale), u)
        values, places = _best_of_all(emit, logits, self.top_k)
        weights = _weights(emit, emit.binary("mul", values, scale))
        sums = _sums(emit, emit.unsqueeze(weights, 0))
        total = emit.squeeze(emit.part(sums, 0, self.top_k - 1, 1), 0)
        place = _first_above(emit, sums, emit.binary("mul", u, total))
        return emit(nn.GatherOp(places, place, 0))


def best(emit: Emitter, logits: SSAValue) -> SSAValue:
    """The first of the greatest, as ONNX ArgMax has it."""
    return emit(nn.ArgReduceOp("argmax", logits, 0))


def _weights(emit: Emitter, x: SSAValue) -> SSAValue:
    """exp(x - max x): probabilities but for their sum."""
    top = emit(nn.ReduceOp("max", x, [0]))
    return emit(nn.UnaryOp("exp", emit.binary("sub", x, top)))


def _sums(emit: Emitter, rows: SSAValue) -> SSAValue:
    """Running sums of one row [1, n], as [n]: a triangle of ones times the row, added up."""
    size = shape_of(rows)[-1]
    triangle = emit.constant(np.tri(size, dtype=np.float32), "triangle")
    return emit(nn.ReduceOp("sum", emit.binary("mul", triangle, rows), [1]))


def _first_above(emit: Emitter, sums: SSAValue, target: SSAValue) -> SSAValue:
    """The first place whose sum exceeds the target, the last one where none does."""
    passed = emit(nn.CastOp(emit(nn.CompareOp("le", sums, target)), i64))
    count = emit(nn.ReduceOp("sum", passed, [0]))
    return emit.binary("min", count, emit.scalar(shape_of(sums)[0] - 1, i64))


def _drawn(emit: Emitter, x: SSAValue, u: SSAValue) -> SSAValue:
    """A token of the whole vocabulary."""
    (words,) = shape_of(x)
    columns = isqrt(words - 1) + 1
    rows = -(-words // columns)
    weights = _weights(emit, x)
    if rows * columns > words:
        weights = emit(nn.PadOp(weights, [0], [rows * columns - words]))
    table = emit.reshape(weights, (rows, columns), ("", ""))
    sums = _sums(emit, emit.unsqueeze(emit(nn.ReduceOp("sum", table, [1])), 0))
    target = emit.binary("mul", u, emit.squeeze(emit.part(sums, 0, rows - 1, 1), 0))
    row = _first_above(emit, sums, target)
    passed = emit(nn.CompareOp("le", sums, target))
    kept = emit(nn.SelectOp(passed, sums, emit.scalar(0, f32)))
    before = emit(nn.ReduceOp("max", kept, [0]))
    one = emit(nn.GatherOp(table, row, 0))
    inner = _sums(emit, emit.unsqueeze(one, 0))
    column = _first_above(emit, inner, emit.binary("sub", target, before))
    first = emit.binary("mul", row, emit.scalar(columns, i64))
    token = emit.binary("add", first, column)
    return emit.binary("min", token, emit.scalar(words - 1, i64))


def _best_of_all(emit: Emitter, logits: SSAValue, count: int) -> tuple[SSAValue, SSAValue]:
    """The best values in order and where they are."""
    kind = type_of(logits)
    block = Block(arg_types=[INDEX, kind])
    inner = emit.inside(block)
    place = best(inner, block.args[1])
    value = inner(nn.ReduceOp("max", block.args[1], [0]))
    line = inner(nn.IotaOp(tensor_type(i64, shape_of(logits)), 0))
    least = np.asarray(-np.inf, numpy_dtype(kind.get_element_type()))
    taken = inner(nn.CompareOp("eq", line, place))
    rest = inner(nn.SelectOp(taken, inner.constant(least), block.args[1]))
    inner.add(YieldOp(rest, value, place))
    scan = ScanOp.make([], [logits], block, max_steps=count)
    emit.add(scan)
    return scan.outputs[0], scan.outputs[1]
