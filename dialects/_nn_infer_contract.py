"""Result types of the nn operations that contract dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    TensorType,
    i1,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects._nn_infer_elementwise import broadcast, same_element
from rnncc.dialects._types import is_float, shape_of, symbols_of, tensor_type, type_of
from rnncc.errors import DynamicTimeError, ShapeError, UnsupportedError

REDUCE_KINDS = frozenset({"sum", "mean", "max", "min", "prod"})
ARG_KINDS = frozenset({"argmax", "argmin"})


def check_axis(axis: int, rank: int) -> int:
    """The axis, which must lie in 0 .. rank-1; raises ShapeError."""
    if not 0 <= axis < rank:
        raise ShapeError(f"axis {axis} of a tensor with {rank} dimensions")
    return axis


def infer_matmul(
    a: SSAValue | Attribute, b: SSAValue | Attribute, transpose_b: bool = False
) -> TensorType:
    """``[..., m, k] x [..., k, n] -> [..., m, n]``; with transpose_b the second is [..., n, k]."""
    elt = same_element("matmul", a, b)
    if elt == i1:
        raise UnsupportedError("matmul is not defined on i1")
    sa, sb = shape_of(a), shape_of(b)
    if len(sa) < 2 or len(sb) < 2:
        raise ShapeError(f"matmul of {list(sa)} and {list(sb)}: at least two dimensions are needed")
    ya, yb = symbols_of(a), symbols_of(b)
    k, n = (-1, -2) if transpose_b else (-2, -1)
    if sa[-1] != sb[k]:
        raise ShapeError(f"matmul contracts {sa[-1]} of {list(sa)} with {sb[k]} of {list(sb)}")
    if ya[-1] != yb[k]:
        raise DynamicTimeError(
            f"matmul contracts length '{ya[-1] or sa[-1]}' with length '{yb[k] or sb[k]}'"
        )
    batch, batch_symbols = broadcast(
        tensor_type(elt, sa[:-2], ya[:-2]), tensor_type(elt, sb[:-2], yb[:-2])
    )
    return tensor_type(elt, (*batch, sa[-2], sb[n]), (*batch_symbols, ya[-2], yb[n]))


def _reduced(x: SSAValue | Attribute, axes: Sequence[int], keepdims: bool):
    shape, symbols = shape_of(x), symbols_of(x)
    for axis in axes:
        check_axis(axis, len(shape))
    if list(axes) != sorted(set(axes)):
        raise ShapeError(f"the axes {list(axes)} are not increasing")
    dims = [
        (1, "") if i in axes else (n, s)
        for i, (n, s) in enumerate(zip(shape, symbols, strict=True))
        if keepdims or i not in axes
    ]
    return tuple(n for n, _ in dims), tuple(s for _, s in dims)


def infer_reduce(
    kind: str, x: SSAValue | Attribute, axes: Sequence[int], keepdims: bool
) -> TensorType:
    """x without `axes` (increasing, not negative), or with 1 in their place."""
    if kind not in REDUCE_KINDS:
        raise UnsupportedError(f"no kind '{kind}'; there are {', '.join(sorted(REDUCE_KINDS))}")
    elt = type_of(x).get_element_type()
    if elt == i1 and kind not in ("max", "min"):
        raise UnsupportedError(f"{kind} is not defined on i1")
    return tensor_type(elt, *_reduced(x, axes, keepdims))


def infer_arg_reduce(kind: str, x: SSAValue | Attribute, axis: int, keepdims: bool) -> TensorType:
    """x without `axis`, or with 1 in its place; elements i64."""
    if kind not in ARG_KINDS:
        raise UnsupportedError(f"no kind '{kind}'; there are {', '.join(sorted(ARG_KINDS))}")
    return tensor_type(i64, *_reduced(x, [axis], keepdims))


def infer_softmax(x: SSAValue | Attribute, axis: int) -> TensorType:
    """The type of x."""
    check_axis(axis, len(shape_of(x)))
    if not is_float(type_of(x).get_element_type()):
        raise UnsupportedError(f"softmax is not defined on {type_of(x).get_element_type()}")
    return type_of(x)
