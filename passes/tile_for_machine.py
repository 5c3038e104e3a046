"""The pass ``tile-for-machine``: the largest pieces that the memories hold."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn, rnn
from rnncc.dialects._nn_base import ints
from rnncc.dialects._types import shape_of, type_of
from rnncc.errors import CapacityError, PassError
from rnncc.passes._conv_trial import ConvTrials
from rnncc.passes._lower.attributes import (
    OUTER_ATTR,
    PANEL_ATTR,
    PANELS_ATTR,
    TILE_ATTR,
    WEIGHTS_ATTR,
    kept_of,
    memory_of_value,
    panels_of,
)
from rnncc.passes._lower.budget import Budget, budget_of, itembytes, nbytes
from rnncc.passes._lower.chain import chain_of
from rnncc.passes._lower.conv_plan import plan_conv, plan_pool
from rnncc.passes._lower.epilogue import epilogue_of
from rnncc.passes._lower.lowering import describe
from rnncc.passes._lower.narrow import is_narrow, wide_bytes
from rnncc.passes._lower.panel_choice import Streamed
from rnncc.passes._lower.panels import even, panel
from rnncc.passes._lower.products import stationary_left, weights_of
from rnncc.passes._lower.storage import root_of

BUFFERS = 2
"""Blocks of each off-chip operand in vector memory, for the same reason."""
SCRATCH = {nn.SoftmaxOp: 2, nn.ReduceOp: 1}
"""Further blocks that an operation needs for intermediate values."""
BLOCKED = (
    nn.UnaryOp,
    nn.BinaryOp,
    nn.CompareOp,
    nn.SelectOp,
    nn.CastOp,
    nn.ReduceOp,
    nn.ArgReduceOp,
    nn.SoftmaxOp,
)
"""Operations that work on blocks of off-chip tensors; the others move data by DMA alone."""


@dataclass(frozen=True)
class TileForMachinePass(ModulePass):
    """Choose the block sizes of operations whose operands the memories do not hold at once.

    Needs: the attributes of `place-memory`.
    Ensures: ``npu.tile`` on each nn.matmul that is cut ([m, n, k]; ``npu.outer`` says whether the
    loop over m or over n is outermost) and on each vector operation on off-chip tensors (one
    number a dimension of its operand; [frames, rows] of an nn.conv, with ``npu.form``, and
    [frames, channels, rows] of an nn.pool). One instruction may have any extent that the memories
    hold, so what fits is not cut; pieces are multiples of the matrix engine's native tile.
    Exact: a cut of k adds partial sums in another order.
    Source: the loop order with the least DRAM traffic, counted as in Goto's panel-panel products.

    Raises:
        PassError: fewer than 2 panels, or no block.
        CapacityError: not even the smallest piece of an operation fits; names its node.
    """

    name = "tile-for-machine"

    target: str = "edge"
    """Machine name or description file."""
    panels: int | None = None
    """Panels of streamed weights in the weight memory at once, where not as place-memory chose."""
    blocks: int = 1
    """Blocks of frames that a convolution is cut into at least, so that what follows one overlaps the next."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Annotate every function of the module."""
        if self.panels is not None and self.panels < 2:
            raise PassError(f"tile-for-machine needs 2 panels or more, not {self.panels}")
        if self.blocks < 1:
            raise PassError(f"tile-for-machine needs a block or more, not {self.blocks}")
        budget = budget_of(self.target, op)
        trials = ConvTrials(budget.machine)
        products = [inner for inner in op.walk() if isinstance(inner, nn.MatmulOp)]
        done: set[Operation | None] = {epilogue_of(inner) for inner in products}
        done.update(*(chain_of(inner) for inner in op.walk() if isinstance(inner, nn.ConvOp)))
        for inner in op.walk():
            if isinstance(inner, func.FuncOp | nn.ConstantOp):
                continue
            if isinstance(inner, nn.MatmulOp):
                tile_product(inner, budget, self.panels)
            elif isinstance(inner, nn.ConvOp):
                if self.panels is not None:
                    inner.attributes[PANELS_ATTR] = IntegerAttr(self.panels, i64)
                plan_conv(inner, budget, trials.choose, self.blocks)
            elif isinstance(inner, nn.PoolOp):
                plan_pool(inner, budget, tuple(filter(off_chip, (inner.x, inner.result))))
            elif isinstance(inner, BLOCKED) and inner not in done:
                tile_vector(inner, budget)


def off_chip(value: SSAValue) -> bool:
    """Whether a tensor is not in vector memory, and not brought there as a whole."""
    root = root_of(value)
    owner = root.owner
    if not isinstance(owner, Operation):
        parent = owner.parent_op()
        if isinstance(parent, rnn.ScanOp):
            if root in parent.slice_args:
                return off_chip(parent.inputs[parent.slice_args.index(root)])
            return False
    return memory_of_value(root) == "dram"


def tile_vector(op: Operation, budget: Budget) -> None:
    """Cut an operation on off-chip tensors to blocks; the innermost dimensions stay whole."""
    source = op.results[0] if isinstance(op, BLOCKED[:5]) else op.operands[0]
    shape = shape_of(source)
    outside = [v for v in (*op.operands, *op.results) if off_chip(v)]
    if not outside or not prod(shape):
        return
    sums = isinstance(op, nn.ReduceOp)
    scratch = SCRATCH.get(type(op), 0) * (wide_bytes if sums else itembytes)(source)
    each = sum(BUFFERS * itembytes(v) for v in outside) + scratch
    whole = reduced_axes(op)
    least = prod(shape[a] for a in whole) * each
    if prod(shape) * each <= budget.staging:
        return
    if least > budget.staging and isinstance(op, nn.ReduceOp):
        # Partial results are joined, so that a reduced axis can be cut as well.
        whole, least = (), each
    if least > budget.vmem:
        raise CapacityError(
            f"{describe(op)}: one block takes {least} bytes of vector memory, "
            f"{budget.machine.name} has {budget.vmem}"
        )
    tile = [n if i in whole else 1 for i, n in enumerate(shape)]
    room = max(1, budget.staging // least)
    for axis in reversed(range(len(shape))):
        if axis in whole:
            continue
        tile[axis] = even(shape[axis], min(shape[axis], room))
        room //= tile[axis]
    op.attributes[TILE_ATTR] = ints(tile)


def reduced_axes(op: Operation) -> tuple[int, ...]:
    """Dimensions of the operand that cannot be cut."""
    if isinstance(op, nn.ReduceOp):
        return tuple(op.axes.get_values())
    if isinstance(op, nn.ArgReduceOp | nn.SoftmaxOp):
        return (op.axis.value.data,)
    return ()


def tile_product(op: nn.MatmulOp, budget: Budget, panels: int | None = None) -> None:
    """Cut a product where its weights are streamed or its other operands are off chip."""
    held = weights_of(op)
    moving = op.b if held is op.a else op.a
    left = stationary_left(op)
    result = shape_of(op.result)
    if left:
        n, rows = result[-2], result[-1]
    else:
        n, rows = result[-1], result[-2]
    k = shape_of(op.a)[-1]
    batched = any(d != 1 for d in shape_of(held)[:-2])
    m = rows if batched or left else prod(result[:-1])
    if not (m and n and k):
        return
    item = itembytes(held)
    tm, tn, tk = m, n, k
    streamed = op.attributes.get(WEIGHTS_ATTR) == StringAttr("streamed")
    if streamed:
        if panels is not None:
            op.attributes[PANELS_ATTR] = IntegerAttr(panels, i64)
        tn, tk = panel(op, n - kept_of(op), k, item, budget, panels_of(op))
    elif isinstance(rows_of_piece := op.attributes.get(PANEL_ATTR), IntegerAttr):
        tn = rows_of_piece.value.data
    cost = (BUFFERS * k if off_chip(moving) else 0) + (BUFFERS * tn if off_chip(op.result) else 0)
    if tk < k and is_narrow(op.result):
        cost += tn * wide_bytes(op.result) // itembytes(op.result)
    if cost * m * item > budget.staging:
        if cost * item > budget.vmem:
            raise CapacityError(
                f"{describe(op)}: one row takes {cost * item} bytes of vector memory, "
                f"{budget.machine.name} has {budget.vmem}"
            )
        tm = even(m, max(1, budget.staging // (cost * item)))
    if not streamed and tn < n and tm < m and not _hides_latency(op, budget, tm, tn):
        # What is multiplied comes block by block for each piece, and each block waits for it.
        del op.attributes[PANEL_ATTR], op.attributes[PANELS_ATTR]
        tile_product(op, budget, panels)
        return
    if (tm, tn, tk) == (m, n, k):
        return
    op.attributes[TILE_ATTR] = ints([tm, tn, tk])
    strips, blocks = -(-n // tn), -(-m // tm)
    by_n = nbytes(moving) * strips * off_chip(moving) + nbytes(held)
    by_m = nbytes(moving) * off_chip(moving) + nbytes(held) * blocks
    in_pieces = not streamed and tn < n
    op.attributes[OUTER_ATTR] = StringAttr("m" if by_m < by_n and not in_pieces else "n")


def _hides_latency(op: nn.MatmulOp, budget: Budget, rows: int, columns: int) -> bool:
    """Whether the product of a block and a piece of weights takes longer than the next block to arrive."""
    element = str(type_of(op.result).get_element_type())
    block = Streamed(rows, columns, shape_of(op.a)[-1], element, itembytes(op.result))
    return block.product(budget.machine, columns).busy >= 2 * budget.machine.dma.latency
