"""nn operations that work element by element, with NumPy broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, StringAttr, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def

from rnncc.dialects._nn_base import NNOp, number
from rnncc.dialects._nn_infer_elementwise import (
    infer_binary,
    infer_cast,
    infer_compare,
    infer_select,
    infer_unary,
)
from rnncc.dialects._types import type_of


@irdl_op_definition
class UnaryOp(NNOp):
    """``r = kind(x)``; alpha and beta as in ONNX's activation functions.

    affine ``alpha*x + beta``, leaky_relu ``x<0 ? alpha*x : x``,
    thresholded_relu ``x>alpha ? x : 0``, scaled_tanh ``alpha*tanh(beta*x)``,
    hard_sigmoid ``min(max(alpha*x + beta, 0), 1)``,
    elu ``x<0 ? alpha*(exp(x)-1) : x``; round goes to even; ``not`` of integers is bit by bit.
    """

    name = "nn.unary"
    WORDS: ClassVar = ("alpha", "beta")

    kind = prop_def(StringAttr)
    alpha = opt_prop_def(FloatAttr)
    beta = opt_prop_def(FloatAttr)
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self,
        kind: str,
        x: SSAValue,
        alpha: float | FloatAttr | None = None,
        beta: float | FloatAttr | None = None,
    ):
        super().__init__(
            operands=[x],
            properties={"kind": StringAttr(kind), "alpha": number(alpha), "beta": number(beta)},
            result_types=[infer_unary(kind, x)],
        )

    def inferred(self) -> TensorType:
        """See infer_unary."""
        return infer_unary(self.kind.data, self.x)

    def parameters(self) -> tuple[float | None, float | None]:
        """alpha and beta as numbers, None where absent."""
        return (
            None if self.alpha is None else self.alpha.value.data,
            None if self.beta is None else self.beta.value.data,
        )


@irdl_op_definition
class BinaryOp(NNOp):
    """``r = a kind b``, broadcast.

    div of whole numbers truncates toward zero; mod has the divisor's sign, fmod the dividend's;
    and, or, xor are logical on i1 and bit by bit on whole numbers; min and max hand NaN on.
    """

    name = "nn.binary"

    kind = prop_def(StringAttr)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, kind: str, a: SSAValue, b: SSAValue):
        super().__init__(
            operands=[a, b],
            properties={"kind": StringAttr(kind)},
            result_types=[infer_binary(kind, a, b)],
        )

    def inferred(self) -> TensorType:
        """See infer_binary."""
        return infer_binary(self.kind.data, self.a, self.b)


@irdl_op_definition
class CompareOp(NNOp):
    """``r = a kind b`` as i1, broadcast; everything but ne is false for NaN."""

    name = "nn.compare"

    kind = prop_def(StringAttr)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, kind: str, a: SSAValue, b: SSAValue):
        super().__init__(
            operands=[a, b],
            properties={"kind": StringAttr(kind)},
            result_types=[infer_compare(kind, a, b)],
        )

    def inferred(self) -> TensorType:
        """See infer_compare."""
        return infer_compare(self.kind.data, self.a, self.b)


@irdl_op_definition
class SelectOp(NNOp):
    """``r = c ? a : b``, broadcast."""

    name = "nn.select"

    c = operand_def(TensorType)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, c: SSAValue, a: SSAValue, b: SSAValue):
        super().__init__(operands=[c, a, b], result_types=[infer_select(c, a, b)])

    def inferred(self) -> TensorType:
        """See infer_select."""
        return infer_select(self.c, self.a, self.b)


@irdl_op_definition
class CastOp(NNOp):
    """``r = x`` in another element type: to whole numbers by truncation, to i1 by ``x != 0``."""

    name = "nn.cast"

    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, elt: Attribute):
        super().__init__(operands=[x], result_types=[infer_cast(x, elt)])

    def inferred(self) -> TensorType:
        """See infer_cast."""
        return infer_cast(self.x, type_of(self.result).get_element_type())


OPERATIONS: Sequence[type[NNOp]] = (UnaryOp, BinaryOp, CompareOp, SelectOp, CastOp)
