"""One instruction for some iterations: the iteration as one more extent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnncc.isa.instruction import Extent, Instruction, Operand
from rnncc.simulator.wide.forms import Stays

Strides = tuple[int, int, int]


@dataclass(frozen=True)
class Moving:
    """An operand in the first of some iterations, and the bytes that it moves by from each to the next."""

    operand: Operand
    step: int


def widened(item: Instruction, operands: Sequence[Moving], count: int) -> Instruction:
    """`count` iterations of an instruction on vectors, or of a product whose weights stay the same.

    Raises:
        Stays: its three extents leave no room for another one.
    """
    if item.op in ("mm", "mma"):
        return _more_rows(item, operands, count)
    extents = [extent.value for extent in item.extents]
    walks = [moving.operand.strides for moving in operands]
    steps = [moving.step for moving in operands]
    e0, e1, e2 = extents
    if e0 == 1:
        return _rebuilt(
            item,
            operands,
            (count, e1, e2),
            [(n, b, c) for n, (_, b, c) in zip(steps, walks, strict=True)],
        )
    if all(n == e0 * a for n, (a, _, _) in zip(steps, walks, strict=True)):
        return _rebuilt(item, operands, (count * e0, e1, e2), walks)
    if e1 == 1:
        return _rebuilt(
            item,
            operands,
            (count, e0, e2),
            [(n, a, c) for n, (a, _, c) in zip(steps, walks, strict=True)],
        )
    raise Stays(f"{item.mnemonic}: three extents already")


def _more_rows(item: Instruction, operands: Sequence[Moving], count: int) -> Instruction:
    """The rows of all iterations as rows of one product."""
    dst, x, w = operands
    m, n, k = (extent.value for extent in item.extents)
    if w.step or not x.step or not dst.step:
        raise Stays(f"{item.mnemonic}: rows that do not move")
    into, rows = dst.operand.strides, x.operand.strides
    if m == 1:
        into, rows = (dst.step, into[1], 0), (x.step, 0, rows[2])
    elif dst.step != m * into[0] or x.step != m * rows[0]:
        raise Stays(f"{item.mnemonic}: rows that do not follow one another")
    return _rebuilt(item, operands, (count * m, n, k), [into, rows, w.operand.strides])


def more_columns(item: Instruction, operands: Sequence[Moving], count: int) -> Instruction:
    """One product with the weights of all iterations, one after the other.

    Raises:
        Stays: what it writes does not lie so, or its other factor is not the same.
    """
    dst, x, w = operands
    m, n, k = (extent.value for extent in item.extents)
    if x.step or dst.step != n * dst.operand.strides[1]:
        raise Stays(f"{item.mnemonic}: results that do not follow one another")
    walks = [moving.operand.strides for moving in (dst, x, w)]
    return _rebuilt(item, operands, (m, count * n, k), walks)


def _rebuilt(
    item: Instruction,
    operands: Sequence[Moving],
    extents: tuple[int, int, int],
    walks: Sequence[Strides],
) -> Instruction:
    e0, e1, e2 = (Extent(value) for value in extents)
    placed = tuple(replace(m.operand, strides=s) for m, s in zip(operands, walks, strict=True))
    return replace(item, extents=(e0, e1, e2), operands=placed)
