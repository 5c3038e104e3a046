"""ONNX operators that work element by element, as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32, i1
from xdsl.ir import SSAValue

from rnncc.dialects._types import is_float, numpy_dtype, shape_of, type_of
from rnncc.passes._onnx_node import Converter, Node, constant_value, dims_of


def _unary(kind: str) -> Converter:
    return lambda n: n.unary(kind, n.need(0))


def _binary(kind: str) -> Converter:
    return lambda n: n.binary(kind, n.need(0), n.need(1))


def _compare(kind: str) -> Converter:
    return lambda n: n.compare(kind, n.need(0), n.need(1))


def _variadic(kind: str) -> Converter:
    def convert(n: Node) -> SSAValue:
        result = n.need(0)
        for i in range(1, len(n.inputs)):
            result = n.binary(kind, result, n.need(i))
        return result

    return convert


def _mean(n: Node) -> SSAValue:
    return n.binary("div", _variadic("add")(n), len(n.inputs))  # pyright: ignore[reportArgumentType]


def _power(n: Node) -> SSAValue:
    x, y = n.need(0), n.need(1)
    base, exponent = type_of(x).get_element_type(), type_of(y).get_element_type()
    known = constant_value(y)
    if known is not None and known.size == 1 and len(known.shape) <= len(shape_of(x)):
        # Exact, and cheaper than a power on any machine.
        if known.item() == 1:
            return x
        if known.item() == 2:
            return n.binary("mul", x, x)
    if is_float(exponent) and not is_float(base):
        return n.cast(n.binary("pow", n.cast(x, exponent), y), base)
    return n.binary("pow", x, n.cast(y, base))


def _modulo(n: Node) -> SSAValue:
    return n.binary("fmod" if n.attrs["fmod"] else "mod", n.need(0), n.need(1))


def _clip(n: Node) -> SSAValue:
    x = n.need(0)
    elt = type_of(x).get_element_type()
    if n.version < 11:
        largest = float(np.finfo(np.float32).max)
        if n.attrs["min"] > -largest:
            x = n.binary("max", x, n.attrs["min"])
        if n.attrs["max"] < largest:
            x = n.binary("min", x, n.attrs["max"])
        return x
    for index, kind in ((1, "max"), (2, "min")):
        bound = n.input(index)
        if bound is not None:
            x = n.binary(kind, x, n.cast(n.reshape(bound, []), elt))
    return x


def _tan(n: Node) -> SSAValue:
    return n.binary("div", n.unary("sin", n.need(0)), n.unary("cos", n.need(0)))


def _is_nan(n: Node) -> SSAValue:
    return n.compare("ne", n.need(0), n.need(0))


def _is_inf(n: Node) -> SSAValue:
    x = n.need(0)
    positive, negative = n.attrs["detect_positive"], n.attrs["detect_negative"]
    if positive and negative:
        return n.compare("eq", n.unary("abs", x), np.inf)
    if not positive and not negative:
        return n.compare("lt", x, -np.inf)
    return n.compare("eq", x, np.inf if positive else -np.inf)


def _where(n: Node) -> SSAValue:
    return n.select(n.need(0), n.need(1), n.need(2))


def _cast(n: Node) -> SSAValue:
    x, elt = n.need(0), n.result_type().get_element_type()
    numpy_dtype(elt)
    if n.attrs.get("round_mode", "up") != "up":
        n.refuse(f"round_mode '{n.attrs['round_mode']}' is not supported")
    return n.cast(x, elt)


def _dropout(n: Node) -> list[SSAValue | None]:
    training = n.constant(2)
    if training is not None and training.item():
        ratio = n.constant(1)
        if ratio is None or ratio.item() != 0:
            n.refuse("training mode draws random numbers")
    x = n.need(0)
    if not n.wants(1):
        return [x]
    everywhere = n.broadcast(n.array(True, i1), dims_of(x))
    return [x, n.cast(everywhere, n.result_type(1).get_element_type())]


def _erf(n: Node) -> SSAValue:
    x = n.need(0)
    elt = type_of(x).get_element_type()
    return n.unary("erf", x) if is_float(elt) else n.cast(n.unary("erf", n.cast(x, f32)), elt)


TABLE: dict[str, Converter] = {
    **{
        name: _unary(kind)
        for name, kind in {
            "Neg": "neg",
            "Abs": "abs",
            "Exp": "exp",
            "Log": "log",
            "Sqrt": "sqrt",
            "Reciprocal": "reciprocal",
            "Floor": "floor",
            "Ceil": "ceil",
            "Round": "round",
            "Sign": "sign",
            "Sin": "sin",
            "Cos": "cos",
            "Not": "not",
            "BitwiseNot": "not",
            "Relu": "relu",
            "Sigmoid": "sigmoid",
            "Tanh": "tanh",
            "Softsign": "softsign",
            "Softplus": "softplus",
        }.items()
    },
    **{
        name: _binary(kind)
        for name, kind in {
            "Add": "add",
            "Sub": "sub",
            "Mul": "mul",
            "Div": "div",
            "And": "and",
            "Or": "or",
            "Xor": "xor",
            "BitwiseAnd": "and",
            "BitwiseOr": "or",
            "BitwiseXor": "xor",
        }.items()
    },
    **{
        name: _compare(kind)
        for name, kind in {
            "Equal": "eq",
            "Greater": "gt",
            "Less": "lt",
            "GreaterOrEqual": "ge",
            "LessOrEqual": "le",
        }.items()
    },
    "Sum": _variadic("add"),
    "Min": _variadic("min"),
    "Max": _variadic("max"),
    "Mean": _mean,
    "Pow": _power,
    "Mod": _modulo,
    "Clip": _clip,
    "Tan": _tan,
    "Erf": _erf,
    "IsNaN": _is_nan,
    "IsInf": _is_inf,
    "Where": _where,
    "Cast": _cast,
    "CastLike": _cast,
    "Identity": lambda n: n.need(0),
    "Dropout": _dropout,
}
