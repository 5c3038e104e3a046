"""ONNX reductions, softmax and normalisations as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f64, i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, tensor_type, type_of
from rnncc.passes._onnx_node import Converter, Node, dims_of, is_floating


def _axes(n: Node, x: SSAValue) -> list[int]:
    """The axes of a reduction, as attribute or input; none given means all, or none at all."""
    rank = len(shape_of(x))
    axes = n.integers("axes", 1)
    if not axes:
        # In old opsets an explicitly empty attribute also means all.
        return [] if n.attrs.get("noop_with_empty_axes") else list(range(rank))
    return sorted({n.axis(a, rank) for a in axes})


def _reduction(kind: str) -> Converter:
    def convert(n: Node) -> SSAValue:
        x = n.need(0)
        return n.reduce(kind, x, _axes(n, x), bool(n.attrs["keepdims"]))

    return convert


def _l1(n: Node) -> SSAValue:
    x = n.need(0)
    return n.reduce("sum", n.unary("abs", x), _axes(n, x), bool(n.attrs["keepdims"]))


def _sum_square(n: Node) -> SSAValue:
    x = n.need(0)
    return n.reduce("sum", n.binary("mul", x, x), _axes(n, x), bool(n.attrs["keepdims"]))


def _through_float(n: Node, x: SSAValue) -> SSAValue:
    return x if is_floating(x) else n.cast(x, f64)


def _l2(n: Node) -> SSAValue:
    x = _through_float(n, n.need(0))
    total = n.reduce("sum", n.binary("mul", x, x), _axes(n, x), bool(n.attrs["keepdims"]))
    return n.cast(n.unary("sqrt", total), type_of(n.need(0)).get_element_type())


def _log_sum(n: Node) -> SSAValue:
    x = _through_float(n, n.need(0))
    total = n.reduce("sum", x, _axes(n, x), bool(n.attrs["keepdims"]))
    return n.cast(n.unary("log", total), type_of(n.need(0)).get_element_type())


def _log_sum_exp(n: Node) -> SSAValue:
    x = _through_float(n, n.need(0))
    axes = _axes(n, x)
    if not axes:
        return n.need(0)
    largest = n.reduce("max", x, axes)
    zero = n.array(0, type_of(x).get_element_type())
    # An infinite shift would make inf - inf; without one the exponentials are right as they are.
    shift = n.select(n.compare("lt", n.unary("abs", largest), np.inf), largest, zero)
    total = n.reduce("sum", n.unary("exp", n.binary("sub", x, shift)), axes)
    result = n.binary("add", n.unary("log", total), shift)
    if not n.attrs["keepdims"]:
        result = n.reshape(result, [d for i, d in enumerate(dims_of(x)) if i not in axes])
    return n.cast(result, type_of(n.need(0)).get_element_type())


def _softmax(log: bool) -> Converter:
    def convert(n: Node) -> SSAValue:
        x = n.need(0)
        dims = dims_of(x)
        axis = n.axis(n.attrs["axis"], max(len(dims), 1))
        if n.version >= 13 or axis == len(dims) - 1:
            return n.emit(nn.SoftmaxOp(x, axis, log))
        flat = n.reshape(x, [n.merge(dims[:axis]), n.merge(dims[axis:])])
        return n.reshape(n.emit(nn.SoftmaxOp(flat, 1, log)), dims)

    return convert


def _arg(kind: str) -> Converter:
    def convert(n: Node) -> SSAValue:
        x = n.need(0)
        axis = n.axis(n.attrs["axis"], len(shape_of(x)))
        last = bool(n.attrs.get("select_last_index", 0))
        return n.emit(nn.ArgReduceOp(kind, x, axis, bool(n.attrs["keepdims"]), last))

    return convert


def _hardmax(n: Node) -> SSAValue:
    x = n.need(0)
    dims = dims_of(x)
    axis = n.axis(n.attrs["axis"], len(dims))
    flat = x
    if n.version < 13 and axis != len(dims) - 1:
        flat = n.reshape(x, [n.merge(dims[:axis]), n.merge(dims[axis:])])
        axis = 1
    first = n.emit(nn.ArgReduceOp("argmax", flat, axis, keepdims=True))
    line = [d if i == axis else (1, "") for i, d in enumerate(dims_of(flat))]
    kind = tensor_type(i64, [d[0] for d in line], [d[1] for d in line])
    chosen = n.compare("eq", n.emit(nn.IotaOp(kind, axis)), first)
    return n.reshape(n.cast(chosen, type_of(x).get_element_type()), dims)


def _global_pool(kind: str) -> Converter:
    def convert(n: Node) -> SSAValue:
        return n.reduce(kind, n.need(0), range(2, len(shape_of(n.need(0)))))

    return convert


TABLE: dict[str, Converter] = {
    "ReduceSum": _reduction("sum"),
    "ReduceMean": _reduction("mean"),
    "ReduceMax": _reduction("max"),
    "ReduceMin": _reduction("min"),
    "ReduceProd": _reduction("prod"),
    "ReduceL1": _l1,
    "ReduceL2": _l2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceSumSquare": _sum_square,
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
    "Hardmax": _hardmax,
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "GlobalAveragePool": _global_pool("mean"),
    "GlobalMaxPool": _global_pool("max"),
}
