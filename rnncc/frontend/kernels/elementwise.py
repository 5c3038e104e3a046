"""Element-wise operators on NumPy arrays, in the element type ONNX prescribes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray


def _unary(function: Callable[[Array], Any]):
    def run(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array:
        x = inputs[0]
        assert x is not None
        return np.asarray(function(x)).astype(x.dtype, copy=False)

    return run


def _binary(function: Callable[[Array, Array], Any], *, boolean: bool = False):
    def run(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array | None:
        a, b = inputs
        assert a is not None and b is not None
        result = function(a, b)
        if result is None:
            return None
        return np.asarray(result).astype(bool if boolean else a.dtype, copy=False)

    return run


def _many(function: Callable[[Array, Array], Array]):
    def run(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array:
        result = inputs[0]
        assert result is not None
        for other in inputs[1:]:
            assert other is not None
            result = function(result, other)
        return np.asarray(result)

    return run


def divide(a: Array, b: Array) -> Array | None:
    """Division as ONNX has it: whole numbers truncate toward zero; None for a zero divisor."""
    if not np.issubdtype(a.dtype, np.integer):
        return a / b
    if np.any(b == 0):
        return None
    quotient = np.floor_divide(a, b)
    inexact = (quotient * b != a) & ((a < 0) != (b < 0))
    return quotient + inexact.astype(a.dtype)


def _mod(inputs: Sequence[Array | None], attributes: Mapping[str, Any]) -> Array | None:
    a, b = inputs
    assert a is not None and b is not None
    whole = np.issubdtype(a.dtype, np.integer)
    if whole and np.any(b == 0):
        return None
    result = np.fmod(a, b) if attributes.get("fmod") else np.mod(a, b)
    return np.asarray(result).astype(a.dtype, copy=False)


def _pow(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array | None:
    a, b = inputs
    assert a is not None and b is not None
    if np.issubdtype(a.dtype, np.integer) and (
        not np.issubdtype(b.dtype, np.integer) or (b < 0).any()
    ):
        return None
    return np.asarray(np.power(a, b)).astype(a.dtype, copy=False)


def _cast(inputs: Sequence[Array | None], attributes: Mapping[str, Any]) -> Array | None:
    from rnncc.errors import UnsupportedError
    from rnncc.frontend.arrays import dtype_of

    x = inputs[0]
    assert x is not None
    try:
        dtype = dtype_of(int(attributes["to"]), "Cast")
    except UnsupportedError:
        return None
    # A number that the type cannot hold has no result that ONNX fixes.
    if not _is_float(dtype) and _is_float(x.dtype) and dtype != np.bool_:
        limits = np.iinfo(dtype)
        wide = x.astype(np.float64)
        if not np.all(np.isfinite(wide)) or (wide < limits.min).any() or (wide > limits.max).any():
            return None
    return x.astype(dtype)


def _is_float(dtype: np.dtype) -> bool:
    return not (np.issubdtype(dtype, np.integer) or dtype == np.bool_)


def _cast_like(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array | None:
    import onnx

    assert inputs[1] is not None
    to = onnx.helper.np_dtype_to_tensor_dtype(inputs[1].dtype)
    return _cast(inputs[:1], {"to": to})


def _clip(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array:
    x, low, high = (*inputs, None, None)[:3]
    assert x is not None
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _where(inputs: Sequence[Array | None], _: Mapping[str, Any]) -> Array:
    c, a, b = inputs
    assert c is not None and a is not None and b is not None
    return np.where(c, a, b)


ELEMENTWISE: dict[str, Callable[[Sequence[Array | None], Mapping[str, Any]], Array | None]] = {
    "Abs": _unary(np.abs),
    "Add": _binary(np.add),
    "And": _binary(np.logical_and, boolean=True),
    "BitwiseAnd": _binary(np.bitwise_and),
    "BitwiseOr": _binary(np.bitwise_or),
    "BitwiseXor": _binary(np.bitwise_xor),
    "Cast": _cast,
    "CastLike": _cast_like,
    "Ceil": _unary(np.ceil),
    "Clip": _clip,
    "Cos": _unary(np.cos),
    "Div": _binary(divide),
    "Equal": _binary(np.equal, boolean=True),
    "Exp": _unary(np.exp),
    "Floor": _unary(np.floor),
    "Greater": _binary(np.greater, boolean=True),
    "GreaterOrEqual": _binary(np.greater_equal, boolean=True),
    "Less": _binary(np.less, boolean=True),
    "LessOrEqual": _binary(np.less_equal, boolean=True),
    "Log": _unary(np.log),
    "Max": _many(np.maximum),
    "Min": _many(np.minimum),
    "Mod": _mod,
    "Mul": _binary(np.multiply),
    "Neg": _unary(np.negative),
    "Not": _unary(np.logical_not),
    "Or": _binary(np.logical_or, boolean=True),
    "Pow": _pow,
    "Reciprocal": _unary(lambda x: np.ones((), x.dtype) / x),
    "Relu": _unary(lambda x: np.maximum(x, np.zeros((), x.dtype))),
    "Round": _unary(np.round),
    "Sign": _unary(np.sign),
    "Sin": _unary(np.sin),
    "Sqrt": _unary(np.sqrt),
    "Sub": _binary(np.subtract),
    "Sum": _many(np.add),
    "Where": _where,
    "Xor": _binary(np.logical_xor, boolean=True),
}
