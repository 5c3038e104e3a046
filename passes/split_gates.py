"""split-gates: one product, and one chain of element-wise operations, for each gate.

Needs: after decompose-cells. Ensures: in the step of no rnn.scan is a product with constant weights, or an
element-wise operation, whose result is read in parts along the last axis only: it is computed part by part instead.
Exact. The inverse of fuse-gates, for machines whose instructions form one chain behind each product: there a gate's
product, its sum, its activation and what uses it are one pass, while a product of all gates would end its chain where
the gates part.

Source: the LSTM of Fowers et al., ISCA 2018 (a chain for each gate, of the input and of the state).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter, constant_of
from rnncc.passes._remarks import remark, title

Splittable = nn.MatmulOp | nn.UnaryOp | nn.BinaryOp | nn.SliceOp


@dataclass(frozen=True)
class SplitGatesPass(ModulePass):
    """Gates that were computed together are computed apart, in the steps of recurrences."""

    name = "split-gates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Split in the body of every scan of the module."""
        for scan in [inner for inner in op.walk() if isinstance(inner, ScanOp)]:
            products = split(scan.body.block)
            where = title(scan)
            if products:
                remark(scan, self.name, f"{where}: {products} products computed gate by gate")
            else:
                remark(scan, self.name, f"{where}: no product is read gate by gate only")


def split(block: Block, cuts: frozenset[int] | None = None) -> int:
    """Split what a block computes; returns the products that were split.

    Args:
        block: a step.
        cuts: places of the last axis where neighbouring parts come apart; None for all of them. What is not cut is
            computed together, and read in parts as before.
    """
    products = 0
    # Backwards: parts asked of an operation become parts asked of what it reads.
    for op in reversed(list(block.ops)):
        if not isinstance(op, Splittable):
            continue
        parts = _parts(op.result)
        if isinstance(op, nn.SliceOp) and not _narrows_last(op):
            continue
        if parts is None or (isinstance(op, nn.MatmulOp) and constant_of(op.b) is None):
            continue
        groups = _groups(sorted({place for place, _ in parts}), cuts)
        if len(set(groups.values())) == 1 and cuts is not None:
            continue
        whole: dict[tuple[int, int], SSAValue] = {}
        made: dict[tuple[int, int], SSAValue] = {}
        for place, user in sorted(parts, key=lambda item: item[0]):
            group = groups[place]
            if group not in whole:
                whole[group] = made[group] = _part(op, *group)
            if place not in made:
                (first, _), (start, size), value = group, place, whole[group]
                axis = len(shape_of(value)) - 1
                made[place] = Emitter(op).part(value, axis, start - first, size)
            made[place].name_hint = user.result.name_hint
            user.result.replace_all_uses_with(made[place])
            user.detach()
            user.erase()
        op.detach()
        op.erase()
        products += isinstance(op, nn.MatmulOp)
    return products


def boundaries(block: Block) -> set[int]:
    """The places of the last axis at which parts of what a step computes begin."""
    return {
        start
        for op in block.ops
        if isinstance(op, Splittable) and not isinstance(op, nn.SliceOp)
        for (start, _), _ in _parts(op.result) or ()
        if start
    }


def _groups(
    places: list[tuple[int, int]], cuts: frozenset[int] | None
) -> dict[tuple[int, int], tuple[int, int]]:
    """For each part, as (start, size) in order, the run of neighbours that it stays with."""
    apart = any(a + n > b for (a, n), (b, _) in pairwise(places))
    if cuts is None or apart:
        return {place: place for place in places}
    runs: list[list[tuple[int, int]]] = []
    for start, size in places:
        if runs and start not in cuts and sum(runs[-1][-1]) == start:
            runs[-1].append((start, size))
        else:
            runs.append([(start, size)])
    return {place: (run[0][0], sum(run[-1]) - run[0][0]) for run in runs for place in run}


def _parts(value: SSAValue) -> list[tuple[tuple[int, int], nn.SliceOp]] | None:
    """The slices that read a value, as (start, size) of the last axis; None when something else reads it."""
    found = []
    for use in value.uses:
        user = use.operation
        if not isinstance(user, nn.SliceOp) or not _narrows_last(user):
            return None
        found.append(((user.starts.get_values()[-1], user.sizes.get_values()[-1]), user))
    return found or None


def _narrows_last(op: nn.SliceOp) -> bool:
    """Whether a slice is a run of the last axis and all of the others."""
    starts, sizes = op.starts.get_values(), op.sizes.get_values()
    whole = tuple(sizes[:-1]) == shape_of(op.x)[:-1] and not any(starts[:-1])
    return bool(sizes) and whole and all(step == 1 for step in op.steps.get_values())


def _part(op: Splittable, start: int, size: int) -> SSAValue:
    """Columns ``start .. start+size-1`` of what an operation computes."""
    emit = Emitter(op)
    if isinstance(op, nn.MatmulOp):
        # Weights are [n, k] when transposed: their rows are the result's columns.
        axis = len(shape_of(op.b)) - (2 if op.transpose_b else 1)
        weights = emit.part(op.b, axis, start, size)
        return emit(nn.MatmulOp(op.a, weights, transpose_b=op.transpose_b is not None))
    if isinstance(op, nn.SliceOp):
        axis = len(shape_of(op.x)) - 1
        return emit.part(op.x, axis, op.starts.get_values()[-1] + start, size)
    width = shape_of(op.result)[-1]
    operands = [
        emit.part(v, len(shape_of(v)) - 1, start, size) if shape_of(v)[-1:] == (width,) else v
        for v in op.operands
    ]
    if isinstance(op, nn.UnaryOp):
        return emit(nn.UnaryOp(op.kind.data, operands[0], *op.parameters()))
    return emit(nn.BinaryOp(op.kind.data, *operands))
