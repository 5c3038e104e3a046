"""One nn operation of a step, done for all steps at once: the time becomes a leading axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter

POINTWISE = (nn.UnaryOp, nn.BinaryOp, nn.CompareOp, nn.SelectOp, nn.CastOp)
"""Operations that treat every element alike."""

_BY_AXES = (
    nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.ReduceOp, nn.ArgReduceOp, nn.SoftmaxOp,
)  # fmt: skip

Batched = Mapping[SSAValue, SSAValue]
"""Value of one step -> value of all steps, with the time as axis 0."""


def can_batch(op: Operation, per_step: Callable[[SSAValue], bool], by_row: bool) -> bool:
    """Whether `batch` can do an operation whose other operands do not change from step to step.

    Args:
        per_step: whether an operand has a value for each step.
        by_row: different rows (axis 0) may belong to different steps, so that they must not mix.
    """
    if isinstance(op, nn.MatmulOp):
        rank = len(shape_of(op.a))
        return per_step(op.a) and not per_step(op.b) and len(shape_of(op.b)) <= rank
    if isinstance(op, POINTWISE):
        rank = len(shape_of(op.results[0]))
        return not by_row or all(len(shape_of(v)) == rank for v in op.operands if per_step(v))
    if by_row and not _keeps_rows(op):
        return False
    if isinstance(op, nn.ConcatOp):
        return all(per_step(v) for v in op.parts)
    if isinstance(op, nn.GatherOp):
        return op.axis.value.data == 0 and not per_step(op.data)
    return isinstance(op, _BY_AXES)


def _keeps_rows(op: Operation) -> bool:
    """Whether row i of the result is made of row i of the first operand alone."""
    rows = shape_of(op.operands[0])[:1]
    if not rows or shape_of(op.results[0])[:1] != rows:
        return False
    if isinstance(op, nn.ReduceOp):
        return 0 not in op.axes.get_values()
    if isinstance(op, nn.ArgReduceOp | nn.SoftmaxOp | nn.ConcatOp):
        return op.axis.value.data != 0
    if isinstance(op, nn.SliceOp):
        return op.starts.get_values()[0] == 0 and op.steps.get_values()[0] == 1
    if isinstance(op, nn.TransposeOp):
        return op.perm.get_values()[0] == 0
    return isinstance(op, nn.ReshapeOp)


def batch(op: Operation, values: Batched, emit: Emitter, steps: int, symbol: str) -> SSAValue:
    """Do an operation that `can_batch` for all steps.

    Args:
        values: the operands that have a value for each step.
        steps: the number of steps, the size of axis 0 of what is in `values`.
        symbol: the symbol that the number of steps follows, or "".
    """
    if isinstance(op, nn.MatmulOp):
        return _matmul(op, values[op.a], emit)
    if isinstance(op, POINTWISE):
        rank = len(shape_of(op.results[0]))
        operands = [_aligned(v, values, emit, rank) for v in op.operands]
        return rebuilt(op, operands, emit)
    if isinstance(op, nn.ReshapeOp):
        shape, symbols = shape_of(op.result), symbols_of(op.result)
        return emit.reshape(values[op.x], (steps, *shape), (symbol, *symbols))
    if isinstance(op, nn.TransposeOp):
        perm = [0, *(p + 1 for p in op.perm.get_values())]
        return emit(nn.TransposeOp(values[op.x], perm))
    if isinstance(op, nn.SliceOp):
        starts, sizes, strides = (p.get_values() for p in (op.starts, op.sizes, op.steps))
        whole = ([0, *starts], [steps, *sizes], [1, *strides])
        return emit(nn.SliceOp(values[op.x], *whole))
    if isinstance(op, nn.ReduceOp):
        axes = [a + 1 for a in op.axes.get_values()]
        return emit(nn.ReduceOp(op.kind.data, values[op.x], axes, op.keepdims is not None))
    if isinstance(op, nn.ArgReduceOp):
        keep, last = op.keepdims is not None, op.select_last is not None
        return emit(nn.ArgReduceOp(op.kind.data, values[op.x], op.axis.value.data + 1, keep, last))
    if isinstance(op, nn.SoftmaxOp):
        return emit(nn.SoftmaxOp(values[op.x], op.axis.value.data + 1, op.log is not None))
    if isinstance(op, nn.ConcatOp):
        return emit(nn.ConcatOp([values[v] for v in op.parts], op.axis.value.data + 1))
    assert isinstance(op, nn.GatherOp)
    return emit(nn.GatherOp(op.data, values[op.indices], 0))


def _matmul(op: nn.MatmulOp, a: SSAValue, emit: Emitter) -> SSAValue:
    """One product over all steps; two-dimensional when the weights are."""
    transposed = op.transpose_b is not None
    if len(shape_of(op.b)) > 2:
        return emit(nn.MatmulOp(a, op.b, transposed))
    *outer, inner = shape_of(a)
    *symbols, last = symbols_of(a)
    rows, varying = 1, [s for s in symbols if s]
    for size in outer:
        rows *= size
    if len(varying) > 1:
        # Rows that follow two lengths have no single symbol.
        return emit(nn.MatmulOp(a, op.b, transposed))
    flat = emit.reshape(a, (rows, inner), (varying[0] if varying else "", last))
    product = emit(nn.MatmulOp(flat, op.b, transposed))
    width, symbol = shape_of(product)[-1], symbols_of(product)[-1]
    return emit.reshape(product, (*outer, width), (*symbols, symbol))


def _aligned(value: SSAValue, values: Batched, emit: Emitter, rank: int) -> SSAValue:
    """An operand of a pointwise operation whose result has `rank` dimensions in one step."""
    if value not in values:
        return value
    whole = values[value]
    (steps, *shape), (symbol, *symbols) = shape_of(whole), symbols_of(whole)
    missing = rank - len(shape)
    return emit.reshape(whole, (steps, *[1] * missing, *shape), (symbol, *[""] * missing, *symbols))


def rebuilt(op: Operation, operands: list[SSAValue], emit: Emitter) -> SSAValue:
    """A pointwise operation on other operands."""
    if isinstance(op, nn.UnaryOp):
        return emit(nn.UnaryOp(op.kind.data, operands[0], *op.parameters()))
    if isinstance(op, nn.BinaryOp):
        return emit(nn.BinaryOp(op.kind.data, *operands))
    if isinstance(op, nn.CompareOp):
        return emit(nn.CompareOp(op.kind.data, *operands))
    if isinstance(op, nn.SelectOp):
        return emit(nn.SelectOp(*operands))
    return emit(nn.CastOp(operands[0], type_of(op.results[0]).element_type))
