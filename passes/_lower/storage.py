"""Which tensor values share storage, how long they live, and how much that takes at its worst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.passes._lower.budget import nbytes

VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastOp, nn.DynamicSliceOp)
"""Operations whose result is (nearly always) the storage of their first operand."""

EPILOGUE_ATTR = "npu.epilogue"
"""On a product: its one reader works on each of its blocks, in place (`place-memory`)."""


def root_of(value: SSAValue) -> SSAValue:
    """The value whose storage this one shares: through views, and into a concatenation."""
    while True:
        owner = value.owner
        if isinstance(owner, VIEWS):
            value = owner.operands[0]
            continue
        if isinstance(owner, nn.MatmulOp) and (after := epilogue_of(owner)) is not None:
            value = after.result
            continue
        if isinstance(owner, Operation) and not isinstance(owner, nn.ConstantOp):
            only = [use.operation for use in value.uses]
            if (
                len(only) == 1
                and isinstance(only[0], nn.ConcatOp)
                and only[0].parent is owner.parent
            ):
                value = only[0].result
                continue
        return value


def can_follow(op: nn.MatmulOp) -> bool:
    """Whether the one reader of a product can be done on its blocks, in place.

    That is a binary operation with a vector along n that is known before the product: a bias.
    """
    use = op.result.get_user_of_unique_use()
    if not isinstance(use, nn.BinaryOp) or use.a is not op.result or use.parent is not op.parent:
        return False
    if use.result.type != op.result.type or stationary_left(op):
        return False
    shape = shape_of(use.b)
    if any(n != 1 for n in shape[:-1]) or any(symbols_of(use.b)):
        return False
    maker = use.b.owner
    return (
        not isinstance(maker, Operation)
        or isinstance(maker, nn.ConstantOp)
        or (maker.parent is not op.parent or maker.is_before_in_block(op))
    )


def epilogue_of(op: nn.MatmulOp) -> nn.BinaryOp | None:
    """The operation that `place-memory` chose to do on the blocks of a product."""
    if EPILOGUE_ATTR not in op.attributes:
        return None
    use = op.result.get_user_of_unique_use()
    return use if isinstance(use, nn.BinaryOp) else None


def ancestor_in(block: Block, op: Operation) -> Operation | None:
    """The operation of `block` that is or contains `op`."""
    current: Operation | None = op
    while current is not None and current.parent is not block:
        current = current.parent_op()
    return current


def depth_of(value: SSAValue) -> int:
    """How many loops are around the place that makes a value; -1 for constants."""
    value = root_of(value)
    if isinstance(value.owner, nn.ConstantOp):
        return -1
    block = value.owner if isinstance(value.owner, Block) else value.owner.parent
    depth = 0
    parent = block.parent_op() if block is not None else None
    while parent is not None:
        depth += isinstance(parent, rnn.ScanOp)
        parent = parent.parent_op()
    return depth


def stationary_left(op: nn.MatmulOp) -> bool:
    """Whether the left operand of a product should be the weights: it changes more seldom."""
    one_a, one_b = (all(n == 1 for n in v.type.get_shape()[:-2]) for v in (op.a, op.b))  # type: ignore[attr-defined]
    if one_a != one_b:
        return one_a
    return depth_of(op.a) < depth_of(op.b)


def weights_of(op: nn.MatmulOp) -> SSAValue:
    """The operand that goes to the weight memory."""
    return op.a if stationary_left(op) else op.b


def readers(value: SSAValue) -> Iterator[Operation]:
    """Operations that compute with a value's storage, through views and concatenations."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, VIEWS) and use.index == 0:
            yield from readers(op.results[0])
        elif isinstance(op, nn.ConcatOp) and root_of(value) is root_of(op.result):
            yield from readers(op.result)
        else:
            yield op


def only_returned(value: SSAValue) -> bool:
    """Whether nothing but the end of the program reads a value."""
    found = list(readers(value))
    return bool(found) and all(isinstance(op, func.ReturnOp) for op in found)


def loaded_by(op: Operation, root: SSAValue) -> bool:
    """Whether an operation needs an off-chip operand in vector memory (else DMA moves it)."""
    if isinstance(op, nn.MatmulOp):
        return any(root_of(v) is root for v in op.operands if v is not weights_of(op))
    if isinstance(op, rnn.ScanOp):
        return any(root_of(v) is root for v in op.inputs)
    moved = (nn.GatherOp, nn.ConcatOp, nn.PadOp, nn.ReverseSequenceOp, func.ReturnOp, rnn.YieldOp)
    return not isinstance(op, moved)


@dataclass
class Life:
    """A storage of a block and the positions of the operations between which it must live."""

    root: SSAValue
    start: int
    end: int
    size: int


@dataclass
class Usage:
    """Vector memory that a block of operations takes, by position."""

    lives: list[Life] = field(default_factory=list)
    inner: dict[int, int] = field(default_factory=dict)
    """What the operation at a position takes by itself: the body of a scan, for instance."""

    def peak(self) -> tuple[int, list[Life]]:
        """The most bytes at any position, and what lives there."""
        best, where = 0, 0
        change: dict[int, int] = {}
        for life in self.lives:
            change[life.start] = change.get(life.start, 0) + life.size
            change[life.end + 1] = change.get(life.end + 1, 0) - life.size
        running = 0
        steps = sorted({*change, *self.inner, *(i + 1 for i in self.inner)})
        for position in steps:
            running += change.get(position, 0)
            total = running + self.inner.get(position, 0)
            if total > best:
                best, where = total, position
        return best, [life for life in self.lives if life.start <= where <= life.end]


def usage(block: Block, memory: dict[SSAValue, str]) -> Usage:
    """The vector memory a block needs.

    Args:
        memory: the memory of each root; those in vector memory (and off-chip arguments and
            constants that are loaded as a whole) are counted.
    """
    result = Usage()
    order = {op: i for i, op in enumerate(block.ops)}
    roots: dict[SSAValue, None] = {}
    for value in _values(block):
        root = root_of(value)
        home = root.owner if isinstance(root.owner, Block) else root.owner.parent
        if home is block and (isinstance(root, OpResult) or _is_function(block)):
            roots.setdefault(root)
    for root in roots:
        life = _life(block, order, root, memory)
        if life is not None:
            result.lives.append(life)
    for op, position in order.items():
        if isinstance(op, rnn.ScanOp):
            body = usage(op.body.block, memory)
            staged = sum(
                2 * nbytes(a.type)
                for a, v in zip(op.slice_args, op.inputs, strict=True)
                if memory.get(root_of(v)) == "dram"
            )
            result.inner[position] = body.peak()[0] + staged
    return result


def _values(block: Block) -> Iterator[SSAValue]:
    if _is_function(block):
        yield from block.args
    for op in block.ops:
        yield from op.results


def _is_function(block: Block) -> bool:
    return isinstance(block.parent_op(), func.FuncOp)


def _life(
    block: Block, order: dict[Operation, int], root: SSAValue, memory: dict[SSAValue, str]
) -> Life | None:
    if memory.get(root) == "dram":
        return None
    owner = root.owner
    off_chip = isinstance(root, BlockArgument) or isinstance(owner, nn.ConstantOp)
    places = []
    for op in readers(root):
        if off_chip and not loaded_by(op, root):
            continue
        around = ancestor_in(block, op)
        if around is not None:
            places.append(order[around])
    writers = [] if off_chip else [order[w] for w in _writers(block, root) if w in order]
    if not places and not writers:
        return None
    every = [*places, *writers]
    return Life(root, min(every), max(every), nbytes(root))


def _writers(block: Block, root: SSAValue) -> Iterator[Operation]:
    owner = root.owner
    if isinstance(owner, Operation):
        yield owner
        if isinstance(owner, nn.ConcatOp):
            for part in owner.parts:
                if root_of(part) is root:
                    yield from _writers(block, _made(part))


def _made(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    return value
