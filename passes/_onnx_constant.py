"""ONNX operators whose result is known, or nearly, at compile time, as nn operations."""

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


TABLE: dict[str, Converter] = {
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Size": _size,
    "Range": _range,
    "Constant": _constant,
    "EyeLike": _eye_like,
    "Trilu": _trilu,
    "OneHot": _one_hot,
}
