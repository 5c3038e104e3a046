"""NumPy semantics of the nn operations that slide a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from rnncc.dialects import nn
from rnncc.interpreter import kernels
from rnncc.interpreter.lengths import Lengths

Values = tuple[Any, ...]


def lowest(dtype: np.dtype) -> Any:
    """The value that is never larger than another: -inf, or the least whole number."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else dtype.type(-np.inf)


def windows(x: np.ndarray, slidings: Sequence[nn.Sliding], fill: Any) -> np.ndarray:
    """Every window of x [n, c, space...] as a view [n, c, places..., kernel...] of a padded copy."""
    shape = [*x.shape[:2], *(max(s.padded, s.extent) for s in slidings)]
    padded = np.full(shape, fill, x.dtype)
    padded[(..., *(slice(s.low, s.low + s.size) for s in slidings))] = x
    steps = padded.strides[2:]
    return np.lib.stride_tricks.as_strided(
        padded,
        (*x.shape[:2], *(s.count for s in slidings), *(s.kernel for s in slidings)),
        (
            *padded.strides[:2],
            *(n * s.stride for n, s in zip(steps, slidings, strict=True)),
            *(n * s.dilation for n, s in zip(steps, slidings, strict=True)),
        ),
        writeable=False,
    )


def conv(x: np.ndarray, w: np.ndarray, slidings: Sequence[nn.Sliding], groups: int) -> np.ndarray:
    """The convolution of nn.conv, frame by frame so that its columns stay small."""
    places = [s.count for s in slidings]
    out = np.empty((len(x), len(w), *places), x.dtype)
    rank, channels = len(places), w.shape[1]
    weights = w.reshape(groups, len(w) // groups, -1)
    order = [0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank)]
    for frame, result in zip(x, out, strict=True):
        view = windows(frame.reshape(groups, channels, *frame.shape[1:]), slidings, 0)
        columns = view.transpose(order).reshape(groups, prod(places), weights.shape[2])
        product = kernels.matmul(weights, columns, transpose_b=True)
        result[...] = product.reshape(result.shape)
    return out


def pool(kind: str, x: np.ndarray, slidings: Sequence[nn.Sliding], include_pad: bool) -> np.ndarray:
    """The pooling of nn.pool."""
    axes = [*range(2 + len(slidings), 2 + 2 * len(slidings))]
    if kind == "max":
        return kernels.reduce("max", windows(x, slidings, lowest(x.dtype)), axes)
    wide = x.astype(np.float32) if x.dtype in kernels.NARROW else x
    total = np.add.reduce(windows(wide, slidings, 0), tuple(axes))
    count = np.ones((), wide.dtype)
    for sliding in slidings:
        line = np.array(sliding.divisors(include_pad), wide.dtype)
        count = count[..., None] * line
    return np.divide(total, count).astype(x.dtype, copy=False)


@register_impls
@dataclass
class WindowFunctions(InterpreterFunctions):
    """nn.conv and nn.pool; arrays have their actual shapes."""

    lengths: Lengths

    @impl(nn.ConvOp)
    def conv(self, interpreter: Interpreter, op: nn.ConvOp, args: Values) -> Values:
        """See conv."""
        x, w = args
        return (conv(x, w, op.slidings(), op.groups.value.data),)

    @impl(nn.PoolOp)
    def pool(self, interpreter: Interpreter, op: nn.PoolOp, args: Values) -> Values:
        """See pool."""
        return (pool(op.kind.data, args[0], op.slidings(), op.include_pad is not None),)
