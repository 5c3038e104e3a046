"""ONNX normalisations as nn operations."""

from __future__ import annotations

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import SSAValue

from rnncc.dialects._types import shape_of, type_of
from rnncc.passes._onnx_node import Converter, Node, dims_of


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


TABLE: dict[str, Converter] = {
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "MeanVarianceNormalization": _mean_variance,
}
