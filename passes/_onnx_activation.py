"""ONNX activation functions as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects._types import type_of
from rnncc.passes._onnx_node import Converter, Node


def _activation(kind: str) -> Converter:
    def convert(n: Node) -> SSAValue:
        return n.unary(kind, n.need(0), n.attrs.get("alpha"), n.attrs.get("beta"))

    return convert


def _selu(n: Node) -> SSAValue:
    curve = n.unary("elu", n.need(0), n.attrs["alpha"])
    return n.binary("mul", curve, n.attrs["gamma"])


def _celu(n: Node) -> SSAValue:
    x, alpha = n.need(0), n.attrs["alpha"]
    below = n.unary("elu", n.binary("div", x, alpha), alpha)
    return n.binary("add", n.unary("relu", x), n.binary("min", below, 0))


def _prelu(n: Node) -> SSAValue:
    x, slope = n.need(0), n.need(1)
    return n.select(n.compare("lt", x, 0), n.binary("mul", x, slope), x)


def _hard_swish(n: Node) -> SSAValue:
    x = n.need(0)
    return n.binary("mul", x, n.unary("hard_sigmoid", x, 1 / 6, 0.5))


def _mish(n: Node) -> SSAValue:
    x = n.need(0)
    return n.binary("mul", x, n.unary("tanh", n.unary("softplus", x)))


def _swish(n: Node) -> SSAValue:
    x = n.need(0)
    scaled = x if n.attrs["alpha"] == 1 else n.binary("mul", x, n.attrs["alpha"])
    return n.binary("mul", x, n.unary("sigmoid", scaled))


def _gelu(n: Node) -> SSAValue:
    x = n.need(0)
    if n.attrs.get("approximate", "none") == "tanh":
        cube = n.binary("mul", n.binary("mul", x, x), x)
        inner = n.binary("add", x, n.binary("mul", cube, 0.044715))
        curve = n.unary("tanh", n.binary("mul", inner, float(np.sqrt(2 / np.pi))))
    else:
        curve = n.unary("erf", n.binary("mul", x, float(np.sqrt(0.5))))
    return n.binary("mul", n.binary("mul", x, 0.5), n.binary("add", curve, 1))


def _shrink(n: Node) -> SSAValue:
    x, bound, bias = n.need(0), n.attrs["lambd"], n.attrs["bias"]
    zero = n.array(0, type_of(x).get_element_type())
    high = n.select(n.compare("gt", x, bound), n.binary("sub", x, bias), zero)
    return n.select(n.compare("lt", x, -bound), n.binary("add", x, bias), high)


TABLE: dict[str, Converter] = {
    **{
        name: _activation(kind)
        for name, kind in {
            "LeakyRelu": "leaky_relu",
            "ThresholdedRelu": "thresholded_relu",
            "HardSigmoid": "hard_sigmoid",
            "Elu": "elu",
        }.items()
    },
    "Selu": _selu,
    "Celu": _celu,
    "PRelu": _prelu,
    "HardSwish": _hard_swish,
    "Mish": _mish,
    "Swish": _swish,
    "Gelu": _gelu,
    "Shrink": _shrink,
}
