"""Element-wise operations on neighbouring parts of the same tensors become one on the whole part.

A part is ``nn.slice`` with unit steps that narrows the last axis alone. Parts of one tensor that
follow one another without a gap can be read as one longer part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from xdsl.ir import Block, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter, constant_of

Op = nn.UnaryOp | nn.BinaryOp


@dataclass(frozen=True)
class _Part:
    """`size` elements from `start` along the last axis of `source`."""

    source: SSAValue
    start: int
    size: int


def fuse_parts(block: Block) -> bool:
    """Fuse one run of operations in a block; whether there was one."""
    order = {op: number for number, op in enumerate(block.ops)}
    groups: dict[Hashable, list[tuple[int, Op]]] = defaultdict(list)
    for op in order:
        if isinstance(op, nn.UnaryOp | nn.BinaryOp) and (key := _key(op)) is not None:
            groups[key[0]].append((key[1], op))
    for found in groups.values():
        for run in _runs(sorted(found, key=lambda item: item[0])):
            ops = sorted((op for _, op in run), key=order.__getitem__)
            if _ready(ops[0], [op for _, op in run], order):
                _fuse(ops[0], [op for _, op in run])
                return True
    return False


def _part(value: SSAValue) -> _Part | None:
    op = value.owner
    if not isinstance(op, nn.SliceOp) or any(s != 1 for s in op.steps.get_values()):
        return None
    starts, sizes = op.starts.get_values(), op.sizes.get_values()
    whole = shape_of(op.x)
    if not sizes or tuple(sizes[:-1]) != whole[:-1] or any(starts[:-1]):
        return None
    if symbols_of(op.x)[-1]:
        return None
    return _Part(op.x, starts[-1], sizes[-1])


def _key(op: Op) -> tuple[Hashable, int] | None:
    """What operations must share to be fused, and where the operation's own part starts."""
    parts = [_part(v) for v in op.operands]
    own = next((p for p in parts if p is not None), None)
    if own is None or shape_of(op.result)[-1] != own.size:
        return None
    shared: list[Hashable] = [type(op), op.kind, own.source.type]
    if isinstance(op, nn.UnaryOp):
        shared += [op.alpha, op.beta]
    for value, part in zip(op.operands, parts, strict=True):
        if part is not None and len(shape_of(value)) == len(shape_of(op.result)):
            # Parts of two tensors must advance together.
            shared += [part.source, part.start - own.start]
        elif (array := constant_of(value)) is not None and _bias_like(array, own.size):
            shared += ["constant", array.shape[:-1]]
        elif not shape_of(value) or shape_of(value)[-1] == 1:
            shared += [value]
        else:
            return None
    return tuple(shared), own.start


def _bias_like(array: np.ndarray, size: int) -> bool:
    """A constant with an element for each column and nothing else to broadcast."""
    return array.ndim > 0 and array.shape[-1] == size and array.size == size


def _runs(found: list[tuple[int, Op]]) -> list[list[tuple[int, Op]]]:
    """Maximal runs of parts side by side, of two operations or more."""
    runs: list[list[tuple[int, Op]]] = []
    end = None
    for start, op in found:
        if start == end:
            runs[-1].append((start, op))
        elif not runs or start != runs[-1][-1][0]:
            runs.append([(start, op)])
        else:
            continue
        end = start + shape_of(op.result)[-1]
    return [run for run in runs if len(run) > 1]


def _ready(first: Op, ops: list[Op], order: dict) -> bool:
    """Whether all that the fused operation reads is there before the first of the operations."""
    for op in ops:
        for value in op.operands:
            part = _part(value)
            source = part.source if part is not None else value
            if constant_of(source) is None and order.get(source.owner, -1) > order[first]:
                return False
    return True


def _fuse(first: Op, ops: list[Op]) -> None:
    emit = Emitter(first)
    size = sum(shape_of(op.result)[-1] for op in ops)
    operands = [_operand(emit, ops, place, size) for place in range(len(first.operands))]
    example = ops[0]
    if isinstance(example, nn.UnaryOp):
        whole = emit(nn.UnaryOp(example.kind.data, operands[0], *example.parameters()))
    else:
        whole = emit(nn.BinaryOp(example.kind.data, *operands))
    axis, start = len(shape_of(whole)) - 1, 0
    for op in ops:
        width = shape_of(op.result)[-1]
        part = emit.part(whole, axis, start, width)
        part.name_hint = op.result.name_hint
        op.result.replace_all_uses_with(part)
        start += width
    for op in ops:
        slices = [v.owner for v in op.operands]
        op.detach()
        op.erase()
        for old in slices:
            if isinstance(old, nn.SliceOp) and old.parent and old.result.first_use is None:
                old.detach()
                old.erase()


def _operand(emit: Emitter, ops: list[Op], place: int, size: int) -> SSAValue:
    """The operand number `place` of the fused operation."""
    values = [op.operands[place] for op in ops]
    part = _part(values[0])
    if part is not None and len(shape_of(values[0])) == len(shape_of(ops[0].result)):
        return emit.part(part.source, len(shape_of(part.source)) - 1, part.start, size)
    arrays = [constant_of(v) for v in values]
    if all(
        a is not None and _bias_like(a, shape_of(op.result)[-1])
        for a, op in zip(arrays, ops, strict=True)
    ):
        joined = np.concatenate([a for a in arrays if a is not None], axis=-1)
        return emit.constant(joined.astype(arrays[0].dtype if arrays[0] is not None else None))
    assert type_of(values[0]) == type_of(values[-1])
    return values[0]
