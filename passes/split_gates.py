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
            products = _split(scan.body.block)
            where = title(scan)
            if products:
                remark(scan, self.name, f"{where}: {products} products computed gate by gate")
            else:
                remark(scan, self.name, f"{where}: no product is read gate by gate only")


def _split(block: Block) -> int:
    """Split what a block computes; returns the products that were split."""
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
        made: dict[tuple[int, int], SSAValue] = {}
        for (start, size), user in sorted(parts, key=lambda item: item[0]):
            if (start, size) not in made:
                made[start, size] = _part(op, start, size)
                made[start, size].name_hint = user.result.name_hint
            user.result.replace_all_uses_with(made[start, size])
            user.detach()
            user.erase()
        op.detach()
        op.erase()
        products += isinstance(op, nn.MatmulOp)
    return products


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
