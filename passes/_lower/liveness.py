"""How long storage lives, and how much vector memory that takes at its worst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.passes._lower.attributes import EPILOGUE_ATTR
from rnncc.passes._lower.budget import nbytes
from rnncc.passes._lower.chain import FOLLOWED
from rnncc.passes._lower.products import weights_of
from rnncc.passes._lower.storage import VIEWS, ancestor_in, readers, root_of

MOVED = (
    # These bring in blocks of their own; of the others DMA moves the operands.
    nn.ConvOp,
    nn.PoolOp,
    nn.GatherOp,
    nn.ConcatOp,
    nn.DynamicUpdateOp,
    nn.PadOp,
    nn.ReverseSequenceOp,
    func.ReturnOp,
    rnn.YieldOp,
    # Its condition is read by the control engine.
    rnn.IfOp,
)
"""Operations that do not need their operands in vector memory as a whole."""


def loaded_by(op: Operation, root: SSAValue) -> bool:
    """Whether an operation needs an off-chip operand in vector memory (else DMA moves it)."""
    if isinstance(op, nn.MatmulOp):
        return any(root_of(v) is root for v in op.operands if v is not weights_of(op))
    if isinstance(op, rnn.WhileOp):
        return False
    if isinstance(op, rnn.ScanOp):
        return any(root_of(v) is root for v in op.inputs)
    return not isinstance(op, MOVED)


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
    """What the operation at a position takes by itself: the body of a scan, a way of a branch."""

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
        elif isinstance(op, rnn.IfOp | rnn.WhileOp):
            inside = [usage(region.block, memory) for region in op.regions]
            result.inner[position] = max(one.peak()[0] for one in inside)
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
        maker = owner.operands[0].owner if owner.operands else None
        while isinstance(maker, FOLLOWED) and EPILOGUE_ATTR in maker.attributes:
            # Written when the first of the chain is done.
            yield maker
            maker = maker.operands[0].owner
        if isinstance(owner, nn.ConcatOp):
            for part in owner.parts:
                if root_of(part) is root:
                    yield from _writers(block, _made(part))


def _made(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    return value
