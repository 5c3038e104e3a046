"""The products of one block of a convolution: groups, kernel elements, pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rnncc.passes._lower.conv_form import Shape
from rnncc.passes._lower.conv_stage import Staged
from rnncc.passes._lower.conv_weights import Weights
from rnncc.passes._lower.dims import Dim, collapse
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.weights import multiply

GROUPS_WRITTEN = 32
"""Groups that are written out rather than looped over, so that their weights can stay on chip."""


def products(
    low: Lowering, weights: Weights, out: Ref, at: Staged, shape: Shape, planes: list[int]
) -> None:
    """``out [n, m, h, w]`` from staged input: the loop over pixels is innermost, sums wait for no recent one."""
    for group in range(shape.groups) if shape.groups <= GROUPS_WRITTEN else [None]:
        _group(low, weights, out, at, shape, planes, group)


def _group(
    low: Lowering, weights: Weights, out: Ref, at: Staged, shape: Shape, planes: list[int], group
) -> None:
    """All products of one group (None: of each, in a loop)."""
    if group is None:
        with low.loop(Dim(shape.groups)) as index:
            _group(low, weights, out, at, shape, planes, index)
        return
    base = out.moved(group, out.strides[1] * shape.outer)
    pixels = pixels_of(out, at, shape)
    terms = list(terms_of(at, shape, planes))
    for number, (offset, key) in enumerate(terms):
        source = at.start.moved(group, at.group).moved(offset, 1)
        for first, begin, held in weights.panels(low, group, shape.groups, key):
            n, k = held.dims
            near = step_of(at, shape)
            left = replace(source.moved(begin, near), dims=(k,), strides=(near,))
            to = replace(base.moved(first, out.strides[1]), dims=(n,), strides=(out.strides[1],))
            _each(low, pixels, to, left, held, number > 0 or begin > 0)


def step_of(at: Staged, shape: Shape) -> int:
    """Elements between neighbours in k."""
    return at.channel if shape.inner > 1 or shape.form.columns else at.column


def terms_of(at: Staged, shape: Shape, planes: list[int]) -> Iterator[tuple[int, tuple]]:
    """Where each accumulating product's first element lies, and the key of its weights."""
    joined = joined_columns(at, shape)
    for number, plane in enumerate(planes):
        for row in [None] if shape.form.columns else range(shape.rows.kernel):
            down = 0
            if row is not None:
                q, phase = divmod(row * shape.rows.dilation, shape.rows.stride)
                down = q * at.row + shape.phases.index(phase) * at.phase
            for column in [None] if joined else range(shape.columns.kernel):
                right = 0 if column is None else column * shape.columns.dilation * at.column
                yield number * at.plane + down + right, (plane, row, column)


def joined_columns(at: Staged, shape: Shape) -> bool:
    """Whether neighbouring columns and their channels are one run, so that they are in k together."""
    if shape.columns.kernel == 1:
        return True
    return shape.dense and (shape.inner == 1 or at.column == at.channel * shape.depth)


def pixels_of(out: Ref, at: Staged, shape: Shape) -> list[tuple[Dim, int, int]]:
    """The pixels of a block as extents with the steps of result and operand, outermost first."""
    frames, rows, columns = at.frames, shape.rows.count, shape.columns.count
    frame, _, down, right = out.strides
    far = [(frame, at.frame), (down, at.row), (right, at.pixel)]
    if shape.form.span == "batch":
        dims = [frames.times(shape.height * shape.pitch)]
        far = far[2:]
    elif shape.form.span == "frame":
        dims = [frames, Dim((rows - 1) * shape.pitch + columns)]
        far = [far[0], far[2]]
    else:
        dims = [frames, Dim(rows), Dim(columns)]
    joined, (ours, theirs) = collapse(dims, [[s[0] for s in far], [s[1] for s in far]])
    return list(zip(joined, ours, theirs, strict=True))


def _each(low: Lowering, pixels: list, dst: Ref, x: Ref, held: Ref, accumulate: bool) -> None:
    """One product for the longest run of pixels, loops over the others."""
    if len(pixels) > 1:
        rest = list(pixels)
        dim, far, near = rest.pop(min(range(len(rest)), key=lambda i: rest[i][0].size))
        low.turns(
            dim,
            lambda i: _each(low, rest, dst.moved(i, far), x.moved(i, near), held, accumulate),
        )
        return
    m, far, near = pixels[0] if pixels else (Dim(1), 0, 0)
    multiply(
        low,
        replace(dst, dims=(m, *dst.dims), strides=(far, *dst.strides)),
        replace(x, dims=(m, *x.dims), strides=(near, *x.strides)),
        held,
        accumulate,
    )
