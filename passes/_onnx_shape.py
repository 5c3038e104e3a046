"""ONNX operators that change shapes, repeat or join tensors, as nn operations."""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.passes._onnx_node import Converter, Dim, Node, constant_value, dims_of

#: A constant of more elements than this stays a scalar that is broadcast.
_MATERIALISE = 1 << 12


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


def _constant_of_shape(n: Node) -> SSAValue:
    value = n.attrs.get("value")
    value = np.zeros(1, np.float32) if value is None else value
    return _filled(n, value.reshape(()), dims_of(n.result_type()))


def _filled(n: Node, value: np.ndarray, dims: list[Dim]) -> SSAValue:
    shape = [size for size, _ in dims]
    if prod(shape) <= _MATERIALISE and not any(s for _, s in dims):
        return n.array(np.full(shape, value, value.dtype))
    return n.broadcast(n.array(value), dims)


def _shape(n: Node) -> SSAValue:
    dims = dims_of(n.need(0))[n.attrs.get("start") or 0 : n.attrs.get("end")]
    if any(s for _, s in dims):
        n.refuse_dynamic("computes with a run-time length")
    return n.array([size for size, _ in dims], i64)


def _size(n: Node) -> SSAValue:
    dims = dims_of(n.need(0))
    if any(s for _, s in dims):
        n.refuse_dynamic("computes with a run-time length")
    return n.array(prod(size for size, _ in dims), i64)


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


def _range(n: Node) -> SSAValue:
    start, limit, delta = (n.constant(i) for i in range(3))
    assert start is not None and limit is not None and delta is not None
    elt = type_of(n.need(0)).get_element_type()
    first, step = start.item(), delta.item()
    (size, symbol) = dims_of(n.result_type())[0]
    if symbol:
        count = n.emit(nn.IotaOp(tensor_type(elt, [size], [symbol]), 0))
        scaled = count if step == 1 else n.binary("mul", count, step)
        return scaled if first == 0 else n.binary("add", scaled, first)
    count = max(int(np.ceil((limit.item() - first) / step)), 0)
    return n.array(first + np.arange(count) * step, elt)


def _constant(n: Node) -> SSAValue:
    value = n.op.properties.get("value")
    if isinstance(value, nn.WeightAttr):
        return n.emit(nn.ConstantOp(value))
    array = constant_value(n.op.results[0])
    if array is None:
        n.refuse("constants of strings or sparse tensors are not supported")
    return n.array(array)


def _eye_like(n: Node) -> SSAValue:
    kind = n.result_type()
    if any(symbols_of(kind)):
        n.refuse_dynamic("makes a matrix of a run-time length")
    rows, columns = shape_of(kind)
    return n.array(np.eye(rows, columns, n.attrs["k"]), kind.get_element_type())


def _trilu(n: Node) -> SSAValue:
    x = n.need(0)
    *_, rows, columns = dims_of(x)
    if rows[1] or columns[1]:
        n.refuse_dynamic("masks a matrix of a run-time length")
    offset = n.constant(1)
    k = 0 if offset is None else int(offset.item())
    keep = np.tri(rows[0], columns[0], k if not n.attrs["upper"] else k - 1, dtype=bool)
    mask = n.array(~keep if n.attrs["upper"] else keep)
    return n.select(mask, x, n.array(0, type_of(x).get_element_type()))


def _one_hot(n: Node) -> SSAValue:
    indices, depth, values = n.cast(n.need(0), i64), n.constant(1), n.need(2)
    assert depth is not None
    count = int(depth.reshape(-1)[0])
    dims = dims_of(indices)
    axis = n.axis(n.attrs["axis"], len(dims) + 1)
    wrapped = n.select(n.compare("lt", indices, 0), n.binary("add", indices, count), indices)
    line = [(count, "") if i == axis else (1, "") for i in range(len(dims) + 1)]
    candidates = n.reshape(n.array(np.arange(count, dtype=np.int64)), line)
    hot = n.compare("eq", candidates, n.reshape(wrapped, [*dims[:axis], (1, ""), *dims[axis:]]))
    off, on = (n.reshape(n.slice_axis(values, 0, i, 1), []) for i in range(2))
    return n.select(hot, on, off)


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
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Size": _size,
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "Constant": _constant,
    "EyeLike": _eye_like,
    "Trilu": _trilu,
    "OneHot": _one_hot,
    "SpaceToDepth": _space_to_depth,
    "DepthToSpace": _depth_to_space,
}
