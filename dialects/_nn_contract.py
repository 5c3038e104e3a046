"""nn operations that contract dimensions: products, reductions, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def

from rnncc.dialects._nn_base import NNOp, flag, integer, ints
from rnncc.dialects._nn_infer_contract import (
    infer_arg_reduce,
    infer_matmul,
    infer_reduce,
    infer_softmax,
)


@irdl_op_definition
class MatmulOp(NNOp):
    """``r[..., m, n] = sum over k of a[..., m, k] * b[..., k, n]`` (transpose_b: ``b[..., n, k]``).

    Leading dimensions broadcast. Both operands have at least two dimensions. f16 and bf16 are
    accumulated in f32.
    """

    name = "nn.matmul"
    WORDS: ClassVar = ("transpose_b",)

    transpose_b = opt_prop_def(UnitAttr)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, a: SSAValue, b: SSAValue, transpose_b: bool = False):
        super().__init__(
            operands=[a, b],
            properties={"transpose_b": flag(transpose_b)},
            result_types=[infer_matmul(a, b, transpose_b)],
        )

    def inferred(self) -> TensorType:
        """See infer_matmul."""
        return infer_matmul(self.a, self.b, self.transpose_b is not None)


@irdl_op_definition
class ReduceOp(NNOp):
    """``r = kind over axes of x``; f16 and bf16 accumulate in f32, integer means truncate.

    The axes are increasing and not negative; none means nothing is reduced.
    """

    name = "nn.reduce"
    WORDS: ClassVar = ("axes", "keepdims")

    kind = prop_def(StringAttr)
    axes = prop_def(DenseArrayBase.constr(i64))
    keepdims = opt_prop_def(UnitAttr)
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, kind: str, x: SSAValue, axes: Sequence[int], keepdims: bool = False):
        super().__init__(
            operands=[x],
            properties={"kind": StringAttr(kind), "axes": ints(axes), "keepdims": flag(keepdims)},
            result_types=[infer_reduce(kind, x, tuple(axes), keepdims)],
        )

    def inferred(self) -> TensorType:
        """See infer_reduce."""
        return infer_reduce(
            self.kind.data, self.x, self.axes.get_values(), self.keepdims is not None
        )


@irdl_op_definition
class ArgReduceOp(NNOp):
    """``r = index along axis of the largest (argmax) or least x``: the first one, or the last."""

    name = "nn.arg_reduce"
    WORDS: ClassVar = ("axis", "keepdims", "select_last")

    kind = prop_def(StringAttr)
    axis = prop_def(IntegerAttr)
    keepdims = opt_prop_def(UnitAttr)
    select_last = opt_prop_def(UnitAttr)
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self, kind: str, x: SSAValue, axis: int, keepdims: bool = False, select_last: bool = False
    ):
        super().__init__(
            operands=[x],
            properties={
                "kind": StringAttr(kind),
                "axis": integer(axis),
                "keepdims": flag(keepdims),
                "select_last": flag(select_last),
            },
            result_types=[infer_arg_reduce(kind, x, axis, keepdims)],
        )

    def inferred(self) -> TensorType:
        """See infer_arg_reduce."""
        keep = self.keepdims is not None
        return infer_arg_reduce(self.kind.data, self.x, self.axis.value.data, keep)


@irdl_op_definition
class SoftmaxOp(NNOp):
    """``r = exp(x - max) / sum(exp(x - max))`` along axis; with `log`, its logarithm."""

    name = "nn.softmax"
    WORDS: ClassVar = ("axis", "log")

    axis = prop_def(IntegerAttr)
    log = opt_prop_def(UnitAttr)
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, axis: int, log: bool = False):
        super().__init__(
            operands=[x],
            properties={"axis": integer(axis), "log": flag(log)},
            result_types=[infer_softmax(x, axis)],
        )

    def inferred(self) -> TensorType:
        """See infer_softmax."""
        return infer_softmax(self.x, self.axis.value.data)


OPERATIONS: Sequence[type[NNOp]] = (MatmulOp, ReduceOp, ArgReduceOp, SoftmaxOp)
