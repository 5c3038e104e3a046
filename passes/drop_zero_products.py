"""drop-zero-products: products of what is known to be zero are not computed.

Needs: nothing; run it after canonicalize, by which a recurrence of one step is straight code. Ensures: no product has
an operand that is a constant of zeros (also reshaped, sliced or repeated) beside one that is a constant of finite
numbers; the result is zeros instead, and of a function with such a product sums with zeros are gone as well. Outside
of loops only: the state of a loop is zero at its start alone. Exact, but for the sign of zero.

Why: a recurrence that begins without a state has one of zeros. Of a single step the state's product, half of all
weights and multiply-accumulates, makes nothing but zeros. A constant that is not finite stays: zero times infinity is
not a number.

Source: constant folding with an absorbing element, as in any optimising compiler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter, constant_of
from rnncc.passes._remarks import remark

VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastOp)
"""Operations of whose result every element is one of the first operand."""


@dataclass(frozen=True)
class DropZeroProductsPass(ModulePass):
    """Products of zeros with finite weights become zeros, and sums with them the other operand."""

    name = "drop-zero-products"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Look at the straight code of every function."""
        for function in op.body.block.ops:
            if not isinstance(function, FuncOp) or not function.body.blocks:
                continue
            block = function.body.block
            dropped = sum(_drop(p) for p in list(block.ops) if isinstance(p, nn.MatmulOp))
            if dropped:
                for inner in list(block.ops):
                    _drop_summand(inner)
                remark(function, self.name, f"{dropped} products of zeros are not computed")


def _drop(product: nn.MatmulOp) -> bool:
    """Replace a product that is zero; whether it is one."""
    pairs = ((product.a, product.b), (product.b, product.a))
    if any(symbols_of(product.result)) or not any(_zero(x) and _finite(w) for x, w in pairs):
        return False
    kind = numpy_dtype(type_of(product.result).element_type)
    zeros = Emitter(product).constant(np.zeros(shape_of(product.result), kind))
    product.result.replace_all_uses_with(zeros)
    _erase(product)
    return True


def _drop_summand(op: Operation) -> None:
    """Replace a sum with zeros by its other operand, where that has the sum's shape."""
    if not isinstance(op, nn.BinaryOp) or op.kind.data != "add":
        return
    for zeros, other in ((op.a, op.b), (op.b, op.a)):
        if _zero(zeros) and other.type == op.result.type:
            op.result.replace_all_uses_with(other)
            _erase(op)
            return


def _zero(value: SSAValue) -> bool:
    """Whether a value is a constant of zeros, perhaps seen in another shape."""
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    array = constant_of(value)
    return array is not None and not array.any()


def _finite(value: SSAValue) -> bool:
    """Whether a value is a constant of finite numbers."""
    array = constant_of(value)
    return array is not None and bool(np.isfinite(array).all())


def _erase(op: Operation) -> None:
    op.detach()
    op.erase()
