"""The part of `place-memory` that decides about weights: which stay, which pass through."""

from __future__ import annotations

from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of, type_of
from rnncc.passes._lower.arrival_choice import rows_of_a_piece
from rnncc.passes._lower.attributes import (
    KEPT_ATTR,
    PANEL_ATTR,
    PANELS_ATTR,
    ROOM_ATTR,
    WEIGHTS_ATTR,
    memory_of_value,
)
from rnncc.passes._lower.budget import Budget, itembytes, nbytes
from rnncc.passes._lower.panel_choice import Streamed
from rnncc.passes._lower.products import stationary_left, weights_of
from rnncc.passes._lower.storage import ancestor_in, root_of
from rnncc.passes._lower.weight_sharing import Matrix, sharing_of


def place_weights(function: func.FuncOp, budget: Budget, *, cut: bool = False) -> None:
    """Choose resident or streamed for each weight matrix; see the pass.

    Args:
        function: the function.
        budget: what the memories hold.
        cut: weights that are used once may be cut into pieces.
    """
    block = function.body.block
    order = {op: i for i, op in enumerate(block.ops)}
    matrices: dict[object, Matrix] = {}
    for op in function.walk():
        if not isinstance(op, nn.MatmulOp | nn.ConvOp):
            continue
        value = weights_of(op)
        position = order[_top(block, op)]
        if position is None:
            continue
        key = (value, isinstance(op, nn.MatmulOp) and value is op.b and op.transpose_b is not None)
        entry = matrices.setdefault(
            key, Matrix(held_bytes(op), _home(block, value), position, position)
        )
        entry.start, entry.end = min(entry.start, position), max(entry.end, position)
        entry.turns += _turns(op)
        entry.products.append(op)
    load = [0] * len(order)
    kept: list[Matrix] = []
    ranked = sorted(matrices.values(), key=lambda m: (-m.turns, m.size))
    everything = [0] * len(order)
    for matrix in ranked:
        for i in range(matrix.start, matrix.end + 1):
            everything[i] += matrix.size
    # Panels of what does not fit need room as well, if there is anything that does not fit.
    room = budget.wmem if max(everything, default=0) <= budget.wmem else budget.wmem * 3 // 4
    for matrix in ranked:
        span = range(matrix.start, matrix.end + 1)
        if all(load[i] + matrix.size <= room for i in span):
            kept.append(matrix)
            for i in span:
                load[i] += matrix.size
    for matrix in ranked:
        if any(m is matrix for m in kept):
            _mark(matrix, "resident")
            if cut and matrix.turns == 1 and matrix.home is block:
                others = [m for m in ranked if not any(m is k for k in kept)]
                _cut(matrix, block, budget, kept, others, load)
            continue
        _mark(matrix, "streamed")
        others = [m for m in ranked if m is not matrix and not any(m is k for k in kept)]
        if matrix.turns > 1 and matrix.home is block:
            _divide(matrix, others, load, budget)
    for matrix in ranked:
        for op in matrix.products:
            if op.attributes[WEIGHTS_ATTR] == StringAttr("streamed"):
                free = budget.wmem - load[order[_top(block, op)]]
                op.attributes[ROOM_ATTR] = IntegerAttr(free, i64)


def _mark(matrix: Matrix, choice: str) -> None:
    for op in matrix.products:
        op.attributes[WEIGHTS_ATTR] = StringAttr(choice)


def _cut(
    matrix: Matrix,
    block: Block,
    budget: Budget,
    kept: list[Matrix],
    others: list[Matrix],
    load: list[int],
) -> None:
    """Cut weights that are used once, so that their product begins before all of them are there.

    Args:
        matrix: resident.
        block: of the function.
        budget: the memories.
        kept: all resident matrices: those that do not fit beside these are put over them, piece by piece.
        others: all others.
        load: bytes of what stays, by position.
    """
    streamed, op = _streamed(matrix), matrix.products[0]
    if streamed is None or len(matrix.products) > 1 or op.parent is not block:
        return
    assert isinstance(op, nn.MatmulOp)
    value = weights_of(op)
    moving = root_of(op.b if value is op.a else op.a)
    batched = any(d != 1 for d in shape_of(value)[:-2])
    if batched or stationary_left(op) or not isinstance(value.owner, nn.ConstantOp):
        return
    machine = budget.machine
    again, aside = 0, machine.dma.host_bytes_per_cycle > 0 and moving in block.args
    if memory_of_value(moving) == "dram":
        rate = machine.dma.host_bytes_per_cycle if aside else machine.dma.bytes_per_cycle
        native = machine.native_bytes("dram")
        again = int(prod(shape_of(moving)) * native / rate)
    rows = rows_of_a_piece(streamed, machine, again, aside=aside)
    if rows is not None:
        sharing = sharing_of(matrix, kept, others, load, budget)
        if sharing is not None:
            over = sharing.total / matrix.size
            rows = rows_of_a_piece(streamed, machine, again, aside=aside, over=over) or rows
            sharing.mark(matrix, streamed, rows, load)
        op.attributes[PANEL_ATTR] = IntegerAttr(rows, i64)
        op.attributes[PANELS_ATTR] = IntegerAttr(-(-streamed.n // rows), i64)


def _divide(matrix: Matrix, others: list[Matrix], load: list[int], budget: Budget) -> None:
    """Cut streamed weights into panels and, but in a cache, first rows that stay, as costs the fewest cycles.

    Args:
        matrix: used in each turn of a loop.
        others: further matrices that are streamed; panels take turns in the memory.
        load: bytes of what stays, by position.
        budget: the memories.
    """
    span = range(matrix.start, matrix.end + 1)
    free = budget.wmem - max(load[i] for i in span)
    streamed = _streamed(matrix)
    if streamed is None:
        return
    machine = budget.machine
    beside = [_streamed(m) for m in others if m.start <= matrix.end and matrix.start <= m.end]
    reserve = max([s.smallest(machine) for s in beside if s is not None], default=0)
    # A cache keeps nothing of what is swept through and does not fit.
    best = streamed.divide(machine, free, reserve, keep=not machine.memories.wmem.cache)
    if best is None:
        _, places = streamed.in_pieces(machine, free)
        for op in matrix.products:
            op.attributes[PANELS_ATTR] = IntegerAttr(places, i64)
        return
    for i in span:
        load[i] += best.kept * streamed.row
    for op in matrix.products:
        if best.kept:
            op.attributes[KEPT_ATTR] = IntegerAttr(best.kept, i64)
        op.attributes[PANEL_ATTR] = IntegerAttr(best.panel, i64)
        op.attributes[PANELS_ATTR] = IntegerAttr(best.places, i64)


def _streamed(matrix: Matrix) -> Streamed | None:
    """What a matrix's first product is to its panels; None for an empty one and for a convolution."""
    first = matrix.products[0]
    if isinstance(first, nn.ConvOp):
        return None
    n, k = weight_shape(first)
    if not n or not k:
        return None
    value, result = weights_of(first), shape_of(first.result)
    m = prod(result) // n if prod(result) else 1
    element = str(type_of(value).get_element_type())
    return Streamed(m, n, k, element, itembytes(value))


def weight_shape(op: nn.MatmulOp) -> tuple[int, int]:
    """n and k of the matrix that a product holds as weights."""
    result = shape_of(op.result)
    return result[-2 if stationary_left(op) else -1], shape_of(op.a)[-1]


def held_bytes(op: nn.MatmulOp | nn.ConvOp) -> int:
    """Bytes of the weights that an operation holds at once: one matrix of a batch, all of a kernel."""
    value = weights_of(op)
    if isinstance(op, nn.ConvOp):
        return nbytes(value)
    shape = shape_of(value)
    batch = 1
    for n in shape[:-2]:
        batch *= n
    return nbytes(value) // batch if batch else 0


def _top(block: Block, op: Operation) -> Operation:
    top = ancestor_in(block, op)
    assert top is not None
    return top


def _home(block: Block, value: SSAValue) -> Block:
    owner = root_of(value).owner
    home = owner if isinstance(owner, Block) else owner.parent
    return home or block


def _turns(op: Operation) -> int:
    """How often an operation runs, at the largest lengths."""
    turns = 1
    parent = op.parent_op()
    while parent is not None:
        if isinstance(parent, rnn.ScanOp | rnn.WhileOp):
            turns *= max(1, parent.count)
        parent = parent.parent_op()
    return turns
