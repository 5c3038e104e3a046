"""Constant folding: operations of constants become constants, views of them without a copy."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from rnncc.dialects import nn
from rnncc.dialects._nn_rewrite import constant, replace
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.errors import RnnccError

#: Elements of operands and result up to which arithmetic is folded.
SMALL = 1 << 14


def _is_view(op: Operation) -> bool:
    """Whether the result shares its operand's memory, so that size does not matter."""
    if isinstance(op, nn.ReshapeOp):
        source = constant(op.x)
        return source is not None and source.array.flags.c_contiguous
    return isinstance(op, nn.TransposeOp | nn.SliceOp)


class FoldConstants(RewritePattern):
    """An operation whose operands are all constant becomes a constant.

    Transposes, slices and reshapes become views of any size; arithmetic is folded only when small,
    because a large result would have to be stored beside the model's own weights.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Fold `op` if it can be folded."""
        if not isinstance(op, nn.NNOp) or any(symbols_of(op.results[0])):
            return
        sources = [constant(operand) for operand in op.operands]
        if not sources or any(source is None for source in sources):
            return
        sizes = [int(np.prod(shape_of(v))) for v in (*op.operands, *op.results)]
        if max(sizes) > SMALL and not _is_view(op):
            return
        arrays = tuple(source.array for source in sources if source is not None)
        try:
            value = evaluate(op, arrays)
        except RnnccError:
            # An index out of range is the running program's error, not the compiler's.
            return
        first = sources[0]
        same = first is not None and _is_view(op) and isinstance(first.value, nn.WeightAttr)
        attr = first.value.with_array(value) if same else nn.WeightAttr("", value)  # pyright: ignore
        replace(rewriter, op, nn.ConstantOp(attr))


def evaluate(op: nn.NNOp, arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """What an operation without run-time lengths computes from its operands' arrays."""
    # The semantics are above the dialects; they are asked for only when something folds.
    from xdsl.dialects.builtin import ModuleOp

    from rnncc.interpreter.lengths import Lengths
    from rnncc.interpreter.nn import NNFunctions

    interpreter = Interpreter(ModuleOp([]))
    interpreter.register_implementations(NNFunctions(Lengths({}, {})))
    with np.errstate(all="ignore"):
        (value,) = interpreter.run_op(op, arrays)
    return np.asarray(value)
