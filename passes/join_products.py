"""join-products: the product of the input and that of the state become one product of both, side by side.

Needs: products with constant weights; after split-gates more are found (a GRU's candidate gate keeps its two apart).
Ensures: in the step of no rnn.scan is there a sum of two products with constant weights, each read by that sum alone;
``x W + h R`` is ``[x h] [W; R]``. Exact, but for the order of additions.

One product instead of two is one pass through the array's pipeline, and one sum less; but no part of it can be done
before the state is there. For machines on which a step's products do not overlap another step anyway.

Source: Zhao et al. 2019 (one dot product over input and state); common practice since Sak et al. 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter, constant_of
from rnncc.passes._remarks import remark, title


@dataclass(frozen=True)
class JoinProductsPass(ModulePass):
    """Sums of two products become one product, in the steps of recurrences."""

    name = "join-products"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Join in the body of every scan of the module."""
        for scan in [inner for inner in op.walk() if isinstance(inner, ScanOp)]:
            joined = sum(_join(inner) for inner in list(scan.body.block.ops))
            if joined:
                text = f"{joined} sums of products are products of input and state side by side"
            else:
                text = "no sum of two products with constant weights"
            remark(scan, self.name, f"{title(scan)}: {text}")


@dataclass(frozen=True)
class _Part:
    """A product ``x w`` and a bias: x [.., k], w [n, k]; ``made`` are the operations that compute it."""

    x: SSAValue
    weights: np.ndarray
    bias: SSAValue | None
    made: tuple[nn.NNOp, ...]


def _join(op: object) -> bool:
    """Replace a sum of two products; whether it is one."""
    if not isinstance(op, nn.BinaryOp) or op.kind.data != "add":
        return False
    a, b = _part(op.a), _part(op.b)
    if a is None or b is None or shape_of(a.x)[:-1] != shape_of(b.x)[:-1]:
        return False
    if any(symbols_of(a.x)) or any(symbols_of(b.x)) or a.weights.dtype != b.weights.dtype:
        return False
    emit = Emitter(op)
    both = emit(nn.ConcatOp([a.x, b.x], len(shape_of(a.x)) - 1))
    weights = emit.constant(np.concatenate([a.weights, b.weights], axis=1))
    result = emit(nn.MatmulOp(both, weights, transpose_b=True))
    for bias in (a.bias, b.bias):
        if bias is not None:
            result = emit.binary("add", result, bias)
    op.result.replace_all_uses_with(result)
    for old in (op, *a.made, *b.made):
        old.detach()
        old.erase()
    return True


def _part(value: SSAValue) -> _Part | None:
    """A product that one operation alone reads, perhaps with a constant added."""
    op = value.owner
    if not value.has_one_use():
        return None
    if isinstance(op, nn.BinaryOp) and op.kind.data == "add":
        for product, bias in ((op.a, op.b), (op.b, op.a)):
            inner = _part(product) if constant_of(bias) is not None else None
            if inner is not None and inner.bias is None and op.result.type == product.type:
                return _Part(inner.x, inner.weights, bias, (op, *inner.made))
        return None
    if not isinstance(op, nn.MatmulOp) or (weights := constant_of(op.b)) is None:
        return None
    if weights.ndim != 2:
        return None
    return _Part(op.a, weights if op.transpose_b else weights.T, None, (op,))
