"""The pass ``place-memory``: which tensors and weights live on chip."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr, UnitAttr, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of
from rnncc.passes._lower.budget import Budget, budget_of, nbytes
from rnncc.passes._lower.lowering import MEMORY_ATTR, ROOM_ATTR, WEIGHTS_ATTR
from rnncc.passes._lower.storage import (
    EPILOGUE_ATTR,
    Life,
    ancestor_in,
    can_follow,
    loaded_by,
    only_returned,
    readers,
    root_of,
    usage,
    weights_of,
)


@dataclass(frozen=True)
class PlaceMemoryPass(ModulePass):
    """Decide what stays on chip; the decisions are attributes that later passes obey.

    Needs: one function of nn operations and rnn.scan.
    Ensures: every operation with tensor results has ``npu.memory``, the memory of each result
    (``vmem`` or ``dram``); the function has it for its arguments (``vmem``: loaded whole where
    computed with). Every nn.matmul has ``npu.weights``: ``resident`` weights are loaded once before
    the loops around the product, ``streamed`` ones pass through panels each time, within
    ``npu.room`` bytes of the weight memory. ``npu.epilogue`` marks products whose bias is added
    block by block, in place.
    Exact.
    Source: persistent weights (Diamos, ICML 2016): the weights used most often for each byte stay;
    tensors leave the chip largest first while the worst moment does not fit.
    """

    name = "place-memory"

    target: str = "edge"
    """Machine name or description file."""
    numerics: str = "exact"
    """``exact`` or ``machine``; capacity is counted in the machine's formats either way."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Annotate every function of the module."""
        budget = budget_of(self.target, op)
        for function in op.body.block.ops:
            if isinstance(function, func.FuncOp) and function.body.blocks:
                for inner in function.walk():
                    if isinstance(inner, nn.MatmulOp) and can_follow(inner):
                        inner.attributes[EPILOGUE_ATTR] = UnitAttr()
                place_tensors(function, budget)
                place_weights(function, budget)


# Tensors


def place_tensors(function: func.FuncOp, budget: Budget) -> None:
    """Choose the memory of each tensor; see the pass."""
    block = function.body.block
    memory: dict[SSAValue, str] = {}
    for op in function.walk():
        if isinstance(op, rnn.ScanOp):
            choices = [(v, "vmem") for v in op.states]
            choices += [(v, "dram" if only_returned(v) else "vmem") for v in op.outputs]
        else:
            choices = [(v, "dram" if only_returned(v) else "vmem") for v in op.results]
        for value, choice in choices:
            if root_of(value) is value:
                memory[value] = choice
    for argument in block.args:
        loaded = any(loaded_by(op, argument) for op in readers(argument))
        memory[argument] = "vmem" if loaded else "dram"
    for inner in [block, *(s.body.block for s in function.walk() if isinstance(s, rnn.ScanOp))]:
        _demote(inner, memory, budget)
    _write(function, memory)


def _demote(block: Block, memory: dict[SSAValue, str], budget: Budget) -> None:
    """Send the largest tensors of the worst moment off chip until the rest fits."""
    while True:
        peak, lives = usage(block, memory).peak()
        if peak <= budget.placed:
            return
        movable = [life for life in lives if _movable(life)]
        if not movable:
            return
        memory[max(movable, key=lambda life: life.size).root] = "dram"


def _movable(life: Life) -> bool:
    owner = life.root.owner
    if isinstance(owner, rnn.ScanOp):
        return life.root not in owner.states
    return life.size > 0


def _write(function: func.FuncOp, memory: dict[SSAValue, str]) -> None:
    for op in list(function.body.walk()):
        if op.results:
            names = [memory.get(root_of(v), "vmem") for v in op.results]
            op.attributes[MEMORY_ATTR] = ArrayAttr([StringAttr(n) for n in names])
    names = [memory[a] for a in function.body.block.args]
    function.attributes[MEMORY_ATTR] = ArrayAttr([StringAttr(n) for n in names])


# Weights


@dataclass
class Matrix:
    """A weight matrix, the products that use it, and when it must be there."""

    size: int
    home: Block
    start: int
    end: int
    turns: int = 0
    products: list[nn.MatmulOp] = field(default_factory=list)


def place_weights(function: func.FuncOp, budget: Budget) -> None:
    """Choose resident or streamed for each weight matrix; see the pass."""
    block = function.body.block
    order = {op: i for i, op in enumerate(block.ops)}
    matrices: dict[object, Matrix] = {}
    for op in function.walk():
        if not isinstance(op, nn.MatmulOp):
            continue
        value = weights_of(op)
        position = order[_top(block, op)]
        if position is None:
            continue
        key = (value, value is op.b and op.transpose_b is not None)
        entry = matrices.setdefault(
            key, Matrix(matrix_bytes(value), _home(block, value), position, position)
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
        resident = any(m is matrix for m in kept)
        for op in matrix.products:
            op.attributes[WEIGHTS_ATTR] = StringAttr("resident" if resident else "streamed")
            if not resident:
                free = budget.wmem - load[order[_top(block, op)]]
                op.attributes[ROOM_ATTR] = IntegerAttr(free, i64)


def matrix_bytes(value: SSAValue) -> int:
    """Bytes of one matrix of a (perhaps batched) operand."""
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
        if isinstance(parent, rnn.ScanOp):
            turns *= max(1, parent.count)
        parent = parent.parent_op()
    return turns
