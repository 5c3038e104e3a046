"""ONNX attributes and the xDSL attributes that stand for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    f32,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import AttrConstraint, base

from rnncc.dialects._weights import ArrayDataAttr, WeightAttr
from rnncc.errors import UnsupportedError

_KINDS = onnx.defs.OpSchema.AttrType
_PROTO = onnx.AttributeProto

#: Kind of an ONNX attribute -> what its xDSL attribute must be. A graph is a region instead.
CONSTRAINTS: dict[Any, AttrConstraint] = {
    _KINDS.INT: base(IntegerAttr),
    _KINDS.FLOAT: base(FloatAttr),
    _KINDS.STRING: base(StringAttr),
    _KINDS.INTS: base(DenseArrayBase),
    _KINDS.FLOATS: base(DenseArrayBase),
    _KINDS.STRINGS: base(ArrayAttr),
    _KINDS.TENSOR: base(WeightAttr) | base(ArrayDataAttr) | base(DenseIntOrFPElementsAttr),
}


def to_attribute(value: Any, kind: int, owner: str) -> Attribute:
    """The xDSL attribute for the Python value of an ONNX attribute.

    Args:
        value: int, float, str, a list of one of these, or an ndarray for a tensor.
        kind: the ``onnx.AttributeProto`` type.
        owner: node and attribute, for messages.

    Raises:
        UnsupportedError: the kind has no place in rnncc (sparse tensors and types).
    """
    if kind == _PROTO.INT:
        return IntegerAttr(value, i64)
    if kind == _PROTO.FLOAT:
        return FloatAttr(value, f32)
    if kind == _PROTO.STRING:
        return StringAttr(value)
    if kind == _PROTO.INTS:
        return DenseArrayBase.from_list(i64, list(value))
    if kind == _PROTO.FLOATS:
        return DenseArrayBase.from_list(f32, list(value))
    if kind == _PROTO.STRINGS:
        return ArrayAttr([StringAttr(text) for text in value])
    if kind == _PROTO.TENSOR:
        return WeightAttr("", value)
    name = _PROTO.AttributeType.Name(kind)
    raise UnsupportedError(f"{owner}: attributes of kind {name} are not supported")


def from_attribute(attribute: Attribute) -> Any:
    """The Python value of an xDSL attribute made by `to_attribute`.

    Returns:
        int, float, str, a list of these, or an ndarray for a tensor.
    """
    if isinstance(attribute, IntegerAttr):
        return attribute.value.data
    if isinstance(attribute, FloatAttr):
        return attribute.value.data
    if isinstance(attribute, StringAttr):
        return attribute.data
    if isinstance(attribute, DenseArrayBase):
        return list(attribute.get_values())
    if isinstance(attribute, ArrayAttr):
        return [from_attribute(entry) for entry in attribute]
    if isinstance(attribute, WeightAttr | ArrayDataAttr):
        return attribute.array
    if isinstance(attribute, DenseIntOrFPElementsAttr):
        from rnncc.dialects._weights import array_of

        return array_of(attribute)
    raise UnsupportedError(f"the attribute {attribute} has no ONNX form")


def proto_value(attribute: onnx.AttributeProto, owner: str) -> Any:
    """The Python value of an ONNX attribute that holds no graph and no tensor.

    Strings are decoded; raises UnsupportedError when one is not UTF-8.
    """
    value = onnx.helper.get_attribute_value(attribute)
    try:
        if attribute.type == _PROTO.STRING:
            return value.decode()
        if attribute.type == _PROTO.STRINGS:
            return [text.decode() for text in value]
    except UnicodeDecodeError:
        raise UnsupportedError(f"{owner}: attribute '{attribute.name}' is not UTF-8") from None
    if attribute.type in (_PROTO.INTS, _PROTO.FLOATS):
        return list(value)
    return value


def float32(value: float) -> float:
    """A Python float rounded to float32, as ONNX stores it."""
    return float(np.float32(value))
