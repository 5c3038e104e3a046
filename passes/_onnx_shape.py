"""ONNX operators that change shapes, repeat or join tensors, as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.passes._onnx_node import Converter, Dim, Node, dims_of


def _reshape(n: Node) -> SSAValue:
    # The shape operand has the sizes at their maximum; only the result type knows the lengths.
    return n.reshape(n.need(0), dims_of(n.result_type()))


def _flatten(n: Node) -> SSAValue:
    dims = dims_of(n.need(0))
    axis = n.attrs["axis"]
    axis = axis + len(dims) if axis < 0 else axis
    return n.reshape(n.need(0), [n.merge(dims[:axis]), n.merge(dims[axis:])])


def _squeeze(n: Node) -> SSAValue:
    dims = dims_of(n.need(0))
    given = n.integers("axes", 1)
    axes = {n.axis(a, len(dims)) for a in given or ()}
    if given is None:
        axes = {i for i, d in enumerate(dims) if d == (1, "")}
    return n.reshape(n.need(0), [d for i, d in enumerate(dims) if i not in axes])


def _unsqueeze(n: Node) -> SSAValue:
    dims = iter(dims_of(n.need(0)))
    given = n.integers("axes", 1) or []
    rank = len(shape_of(n.need(0))) + len(given)
    axes = {n.axis(a, rank) for a in given}
    return n.reshape(n.need(0), [(1, "") if i in axes else next(dims) for i in range(rank)])


def _transpose(n: Node) -> SSAValue:
    rank = len(shape_of(n.need(0)))
    return n.transpose(n.need(0), n.attrs.get("perm") or list(reversed(range(rank))))


def _concat(n: Node) -> SSAValue:
    parts = [v for v in n.inputs if v is not None]
    axis = n.axis(n.attrs["axis"], len(shape_of(parts[0])))
    filled = [p for p in parts if shape_of(p)[axis]] or parts[:1]
    return filled[0] if len(filled) == 1 else n.emit(nn.ConcatOp(filled, axis))


def _split(n: Node) -> list[SSAValue | None]:
    x = n.need(0)
    axis = n.axis(n.attrs.get("axis", 0), len(shape_of(x)))
    outputs = n.op.outputs_by_position()
    given = n.integers("split", 1)
    size, symbol = dims_of(x)[axis]
    count = n.attrs.get("num_outputs", len(outputs))
    part = -(-size // count)
    sizes = given or [min(part, max(size - i * part, 0)) for i in range(count)]
    if len(sizes) == 1:
        return [x]
    if symbol:
        n.refuse_dynamic(f"splits the run-time length '{symbol}'")
    starts = np.cumsum([0, *sizes]).tolist()
    return [
        n.slice_axis(x, axis, start, length) if output is not None else None
        for start, length, output in zip(starts, sizes, outputs, strict=False)
    ]


def _expand(n: Node) -> SSAValue:
    return n.broadcast(n.need(0), dims_of(n.result_type()))


def _tile(n: Node) -> SSAValue:
    x = n.need(0)
    dims = dims_of(x)
    repeats = n.constant(1)
    counts = [1] * len(dims) if repeats is None else [int(r) for r in repeats]
    # [a, b] -> [1, a, 1, b] -> [p, a, q, b] -> [p*a, q*b]; a count may be a run-time length.
    flat = dims_of(n.result_type())
    apart, wide = [], []
    for count, dim, (_, symbol) in zip(counts, dims, flat, strict=True):
        apart += [(1, ""), dim]
        wide += [(count, "" if dim[1] else symbol), dim]
    if flat == dims:
        return x
    return n.reshape(n.broadcast(n.reshape(x, apart), wide), flat)


def _space_to_depth(n: Node) -> SSAValue:
    b, c, h, w = dims_of(n.need(0))
    k = n.attrs["blocksize"]
    if h[1] or w[1]:
        n.refuse_dynamic("rearranges a run-time length")
    x = n.reshape(n.need(0), [b, c, (h[0] // k, ""), (k, ""), (w[0] // k, ""), (k, "")])
    crd = n.attrs.get("mode", "DCR") == "CRD"
    x = n.transpose(x, [0, 1, 3, 5, 2, 4] if crd else [0, 3, 5, 1, 2, 4])
    return n.reshape(x, [b, (c[0] * k * k, c[1]), (h[0] // k, ""), (w[0] // k, "")])


def _depth_to_space(n: Node) -> SSAValue:
    b, c, h, w = dims_of(n.need(0))
    k = n.attrs["blocksize"]
    if c[1] or h[1] or w[1]:
        n.refuse_dynamic("rearranges a run-time length")
    blocks: list[Dim] = [(k, ""), (k, "")]
    rest: Dim = (c[0] // (k * k), "")
    if n.attrs.get("mode", "DCR") == "DCR":
        x = n.transpose(n.reshape(n.need(0), [b, *blocks, rest, h, w]), [0, 3, 4, 1, 5, 2])
    else:
        x = n.transpose(n.reshape(n.need(0), [b, rest, *blocks, h, w]), [0, 1, 4, 2, 5, 3])
    return n.reshape(x, [b, rest, (h[0] * k, ""), (w[0] * k, "")])


TABLE: dict[str, Converter] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Expand": _expand,
    "Tile": _tile,
    "SpaceToDepth": _space_to_depth,
    "DepthToSpace": _depth_to_space,
}
