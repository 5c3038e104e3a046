"""Depthwise convolution on the vector engine: a multiplication and an addition for each kernel element."""

from __future__ import annotations

from dataclasses import replace

from rnncc.dialects import npu
from rnncc.passes._lower.conv_form import Shape
from rnncc.passes._lower.conv_stage import Staged
from rnncc.passes._lower.conv_weights import Weights
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.narrow import widened
from rnncc.passes._lower.ref import Ref


def multiply_add(
    low: Lowering, out: Ref, at: Staged, shape: Shape, weights: Weights, planes: list[int]
) -> None:
    """``out[n, m, h, w] = sum of x[n, m // repeat, ...] * w[m, ...]``, one kernel element after the other.

    Where `out` is wider than the input (sums of short floats), the input and the weights are widened first.
    """
    lines = weights.ref.at(4, 0)
    key = ("lines", lines)
    with low.at(low.home(low.depth_of(lines), key)):
        if key not in low.scope.cache:
            # Each kernel element's weights lie side by side.
            held = low.alloc([*lines.dims[1:], lines.dims[0]], lines.element, name="lines")
            low.walk([held, lines.transpose([1, 2, 3, 0])], npu.DmaOp)
            low.scope.cache[key] = widened(low, held)
        lines = low.scope.cache[key]
    at = _widened(low, at, shape, len(planes))
    channels = shape.inner
    repeat = shape.outer // channels
    term = low.alloc(
        [*(replace(d) for d in (at.frames, *out.dims[2:])), Dim(channels)], out.element, name="term"
    ).transpose([0, 3, 1, 2])
    for j in range(repeat):
        target = out.slice(1, j, channels, repeat)
        for number, (offset, (plane, row, column)) in enumerate(_elements(at, shape, planes)):
            source = replace(
                at.start.moved(offset, 1),
                dims=target.dims,
                strides=(at.frame, at.channel, at.row, at.pixel),
            )
            line = lines.at(0, plane).at(0, row).at(0, column).slice(0, j, channels, repeat)
            line = line.insert(1).insert(1).insert(0).broadcast(target.dims)
            into = term if number else target
            low.walk([into, source, line], lambda d, a, b, **x: npu.BinaryOp("mul", d, a, b, **x))
            if number:
                low.walk(
                    [target, target, term], lambda d, a, b, **x: npu.BinaryOp("add", d, a, b, **x)
                )


def _widened(low: Lowering, at: Staged, shape: Shape, planes: int) -> Staged:
    """The staged input with elements of the type of sums."""
    parts = Dim(planes * len(shape.phases))
    block = replace(
        at.start, dims=(parts, at.frames, Dim(at.frame)), strides=(at.phase, at.frame, 1)
    )
    start = replace(widened(low, block), dims=(), strides=())
    return replace(at, start=start)


def _elements(at: Staged, shape: Shape, planes: list[int]):
    for number, plane in enumerate(planes):
        for row in range(shape.rows.kernel):
            q, phase = divmod(row * shape.rows.dilation, shape.rows.stride)
            down = q * at.row + shape.phases.index(phase) * at.phase
            for column in range(shape.columns.kernel):
                right = column * shape.columns.dilation * at.column
                yield number * at.plane + down + right, (plane, row, column)
