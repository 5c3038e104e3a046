"""Tensor types, their run-time symbols, and the NumPy types that stand for their elements.

A tensor type is static at the largest size. A dimension that follows a run-time length has that
length's symbol in the type's encoding: ``tensor<25x1x256xf32, ["T", "", ""]>``. Such a dimension
of size d with symbol s is always c * s with the whole number c = d / max(s).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import ml_dtypes
import numpy as np
from xdsl.dialects import builtin
from xdsl.dialects.builtin import ArrayAttr, IntegerType, NoneAttr, StringAttr, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from rnncc.errors import ShapeError, UnsupportedError

i8 = IntegerType(8)
i16 = IntegerType(16)
ui8 = IntegerType(8, builtin.Signedness.UNSIGNED)

#: Attribute that carries the name of the ONNX node an operation comes from.
NODE_ATTR = "onnx.node"

_DTYPES: dict[Attribute, np.dtype] = {
    builtin.f16: np.dtype(np.float16),
    builtin.bf16: np.dtype(ml_dtypes.bfloat16),
    builtin.f32: np.dtype(np.float32),
    builtin.f64: np.dtype(np.float64),
    builtin.i1: np.dtype(np.bool_),
    i8: np.dtype(np.int8),
    i16: np.dtype(np.int16),
    builtin.i32: np.dtype(np.int32),
    builtin.i64: np.dtype(np.int64),
    ui8: np.dtype(np.uint8),
}
_ELEMENTS = {dtype: elt for elt, dtype in _DTYPES.items()}
_FLOATS = frozenset({builtin.f16, builtin.bf16, builtin.f32, builtin.f64})


def numpy_dtype(elt: Attribute) -> np.dtype:
    """The NumPy type of an element type; raises UnsupportedError for one that rnncc has not."""
    try:
        return _DTYPES[elt]
    except KeyError:
        raise UnsupportedError(f"element type {elt} is not supported") from None


def element_type(dtype: np.typing.DTypeLike) -> Attribute:
    """The element type of a NumPy type; raises UnsupportedError for one that rnncc has not."""
    try:
        return _ELEMENTS[np.dtype(dtype).newbyteorder("=")]
    except KeyError:
        raise UnsupportedError(f"element type {np.dtype(dtype)} is not supported") from None


def is_float(elt: Attribute) -> bool:
    """Whether an element type is one of the four floating-point types."""
    return elt in _FLOATS


def is_integer(elt: Attribute) -> bool:
    """Whether an element type is a whole number (bool, i1, is not)."""
    return isinstance(elt, IntegerType) and elt != builtin.i1


@lru_cache(maxsize=4096)
def _tensor_type(elt: Attribute, shape: tuple[int, ...], symbols: tuple[str, ...]) -> TensorType:
    if not any(symbols):
        return TensorType(elt, shape)
    return TensorType(elt, shape, ArrayAttr([StringAttr(s) for s in symbols]))


def tensor_type(
    elt: Attribute, shape: Sequence[int], symbols: Sequence[str] | None = None
) -> TensorType:
    """A tensor type; `symbols` has one entry a dimension, "" where static, None when all are."""
    shape = tuple(int(n) for n in shape)
    symbols = tuple(symbols or ("",) * len(shape))
    if len(symbols) != len(shape):
        raise ShapeError(f"{len(symbols)} symbols {list(symbols)} for the shape {list(shape)}")
    return _tensor_type(elt, shape, symbols)


def type_of(value: SSAValue | Attribute) -> TensorType:
    """The tensor type of a value (or the type itself); raises ShapeError for anything else."""
    kind = value.type if isinstance(value, SSAValue) else value
    if not isinstance(kind, TensorType):
        raise ShapeError(f"expected a tensor with a known shape, not {kind}")
    return kind


def shape_of(value: SSAValue | Attribute) -> tuple[int, ...]:
    """The largest shape of a tensor value or type."""
    return type_of(value).get_shape()


def symbols_of(value: SSAValue | Attribute) -> tuple[str, ...]:
    """The symbol of each dimension of a tensor value or type, "" where it is static."""
    kind = type_of(value)
    encoding = kind.encoding
    if isinstance(encoding, NoneAttr):
        return ("",) * kind.get_num_dims()
    if not isinstance(encoding, ArrayAttr):
        raise ShapeError(f"the encoding of {kind} is not a list of symbols")
    symbols = tuple(s.data for s in encoding if isinstance(s, StringAttr))
    if len(symbols) != kind.get_num_dims():
        raise ShapeError(f"the encoding of {kind} is not one string a dimension")
    return symbols


def actual_shape(
    kind: SSAValue | Attribute, maxima: Mapping[str, int], actual: Mapping[str, int]
) -> tuple[int, ...]:
    """The shape that a tensor type has when its symbols have the lengths `actual`.

    Args:
        kind: a tensor type, or a value of one.
        maxima: the maximum of each symbol (``rnncc.symbols`` of the function).
        actual: the length of each symbol in this run; a symbol left out is at its maximum.
    """
    result = []
    for size, symbol in zip(shape_of(kind), symbols_of(kind), strict=True):
        if symbol:
            size = size // maxima[symbol] * actual.get(symbol, maxima[symbol])  # noqa: PLW2901
        result.append(size)
    return tuple(result)


def symbol_maxima(op: Operation) -> dict[str, int]:
    """``rnncc.symbols`` of the function around (or in) an operation: symbol -> maximum."""
    current: Operation | None = op
    while current is not None:
        if isinstance(table := current.attributes.get("rnncc.symbols"), builtin.DictionaryAttr):
            return {
                name: size.value.data
                for name, size in table.data.items()
                if isinstance(size, builtin.IntegerAttr)
            }
        current = current.parent_op()
    return {}


def node_name(op: Operation) -> str:
    """The name of the ONNX node that an operation comes from, or "" when it is not known."""
    name = op.attributes.get(NODE_ATTR)
    return name.data if isinstance(name, StringAttr) else ""


def set_node(op: Operation, name: str) -> None:
    """Note the ONNX node that an operation comes from (nothing is noted for "")."""
    if name:
        op.attributes[NODE_ATTR] = StringAttr(name)


def copy_node(source: Operation, *targets: Operation) -> None:
    """Carry the ONNX node name and the location of `source` over to each of `targets`.

    A target that already names a node keeps its own.
    """
    name = source.attributes.get(NODE_ATTR)
    for target in targets:
        if name is not None and NODE_ATTR not in target.attributes:
            target.attributes[NODE_ATTR] = name
        if target.location is None:
            target.location = source.location
