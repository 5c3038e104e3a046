"""fuse-gates: products of one value with several weights become one product.

Needs: weights that are constants. Ensures: no two products of the same value with constant
two-dimensional weights stand in one block, nor element-wise operations on neighbouring parts of
the same tensors that one operation could do. Exact.

``x W_i, x W_f, ...`` becomes ``x [W_i W_f ...]`` and a slice for each part. Then, while it makes
progress, element-wise operations of one kind on parts that lie side by side (in such products, or
in any tensor) are done at once on the whole: biases, the sums of input and recurrent products,
activations. rnn.lstm and its like come fused from decompose-cells; this is for cells written out
gate by gate, such as those of ONNX Scan.

Source: Appleyard et al. 2016, arXiv:1604.01946 (combining GEMMs, fusing point-wise operations).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import node_name, shape_of
from rnncc.passes._emit import Emitter, constant_of
from rnncc.passes._fuse_parts import fuse_parts
from rnncc.passes._remarks import remark


@dataclass(frozen=True)
class FuseGatesPass(ModulePass):
    """One product for all gates, and one element-wise operation where gates share it."""

    name = "fuse-gates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuse in every block of the module."""
        for block in [b for inner in op.walk() for r in inner.regions for b in r.blocks]:
            _fuse_products(block)
            while fuse_parts(block):
                pass


def _fuse_products(block: Block) -> None:
    groups: dict[SSAValue, list[nn.MatmulOp]] = defaultdict(list)
    for op in block.ops:
        if not isinstance(op, nn.MatmulOp) or constant_of(op.b) is None:
            continue
        if len(shape_of(op.b)) == 2:
            groups[op.a].append(op)
    for products in groups.values():
        if len(products) > 1:
            _fuse(products)


def _fuse(products: list[nn.MatmulOp]) -> None:
    """Replace products of one value, in their order, at the place of the first."""
    first = products[0]
    names = ", ".join(f"'{name}'" for op in products if (name := node_name(op)))
    named = f" ({names})" if names else ""
    remark(first, FuseGatesPass.name, f"{len(products)} products of one value{named} become one")
    emit = Emitter(first)
    columns = np.concatenate([_columns(op) for op in products])
    whole = emit(nn.MatmulOp(first.a, emit.constant(columns), transpose_b=True))
    axis, start = len(shape_of(whole)) - 1, 0
    for op in products:
        width = shape_of(op.result)[-1]
        part = emit.part(whole, axis, start, width)
        part.name_hint = op.result.name_hint
        op.result.replace_all_uses_with(part)
        start += width
    for op in products:
        op.detach()
        op.erase()


def _columns(op: nn.MatmulOp) -> np.ndarray:
    """The weights as [n, k]."""
    weights = constant_of(op.b)
    assert weights is not None
    return weights if op.transpose_b else weights.T
