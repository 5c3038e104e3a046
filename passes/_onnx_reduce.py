"""ONNX reductions, softmax and normalisations as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32, f64, i64
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


def _centred(n: Node, x: SSAValue, axes: list[int]) -> tuple[SSAValue, SSAValue, SSAValue]:
    mean = n.reduce("mean", x, axes)
    centred = n.binary("sub", x, mean)
    return mean, centred, n.reduce("mean", n.binary("mul", centred, centred), axes)


def _layer_norm(n: Node) -> list[SSAValue | None]:
    x, elt = n.need(0), type_of(n.need(0)).get_element_type()
    rank = len(shape_of(x))
    axes = list(range(n.axis(n.attrs["axis"], rank), rank))
    wide = n.cast(x, f32) if n.attrs["stash_type"] == 1 and elt != f64 else x
    mean, centred, variance = _centred(n, wide, axes)
    inverse = n.unary("reciprocal", n.unary("sqrt", n.binary("add", variance, n.attrs["epsilon"])))
    result = n.binary("mul", n.cast(n.binary("mul", centred, inverse), elt), n.need(1))
    bias = n.input(2)
    if bias is not None:
        result = n.binary("add", result, bias)
    statistics = [mean, inverse]
    return [result] + [
        n.cast(s, n.result_type(i + 1).get_element_type()) if n.wants(i + 1) else None
        for i, s in enumerate(statistics)
    ]


def _rms_norm(n: Node) -> SSAValue:
    x, elt = n.need(0), type_of(n.need(0)).get_element_type()
    rank = len(shape_of(x))
    axes = list(range(n.axis(n.attrs["axis"], rank), rank))
    wide = n.cast(x, f32) if n.attrs["stash_type"] == 1 and elt != f64 else x
    square = n.reduce("mean", n.binary("mul", wide, wide), axes)
    root = n.unary("sqrt", n.binary("add", square, n.attrs["epsilon"]))
    return n.binary("mul", n.cast(n.binary("div", wide, root), elt), n.need(1))


def _channels(n: Node, value: SSAValue, x: SSAValue) -> SSAValue:
    spatial = [(1, "")] * (len(shape_of(x)) - 2)
    elt = type_of(x).get_element_type()
    return n.cast(n.reshape(value, [*dims_of(value), *spatial]), elt)


def _batch_norm(n: Node) -> SSAValue:
    if n.attrs.get("training_mode") or n.wants(1):
        n.refuse("training mode is not supported")
    if not n.attrs.get("spatial", 1):
        n.refuse("spatial=0 is not supported")
    x = n.need(0)
    scale, bias, mean, variance = (_channels(n, n.need(i), x) for i in range(1, 5))
    root = n.unary("sqrt", n.binary("add", variance, n.attrs["epsilon"]))
    centred = n.binary("sub", x, mean)
    return n.binary("add", n.binary("mul", centred, n.binary("div", scale, root)), bias)


def _instance_norm(n: Node) -> SSAValue:
    x = n.need(0)
    _, centred, variance = _centred(n, x, list(range(2, len(shape_of(x)))))
    root = n.unary("sqrt", n.binary("add", variance, n.attrs["epsilon"]))
    scaled = n.binary("mul", n.binary("div", centred, root), _channels(n, n.need(1), x))
    return n.binary("add", scaled, _channels(n, n.need(2), x))


def _mean_variance(n: Node) -> SSAValue:
    x = n.need(0)
    axes = sorted({n.axis(a, len(shape_of(x))) for a in n.attrs["axes"]})
    _, centred, variance = _centred(n, x, axes)
    return n.binary("div", centred, n.binary("add", n.unary("sqrt", variance), 1e-9))


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
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "MeanVarianceNormalization": _mean_variance,
    "GlobalAveragePool": _global_pool("mean"),
    "GlobalMaxPool": _global_pool("max"),
}
