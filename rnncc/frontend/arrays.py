"""Arrays of ONNX tensors: views into the model file where they are big, copies where small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from rnncc.errors import ModelError, UnsupportedError
from rnncc.frontend.wire import Payload, Stripped

#: No tensor may take more bytes than a program can address (40 address bits).
LARGEST = 1 << 40

_NAMES = {value: name.lower() for name, value in TensorProto.DataType.items()}
_REFUSED = {TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.COMPLEX128}


def type_name(element: int) -> str:
    """ONNX's name for an element type: ``float``, ``int64``, ``string``."""
    return _NAMES.get(element, f"type {element}")


def dtype_of(element: int, owner: str) -> np.dtype:
    """The NumPy type of an ONNX element type.

    Args:
        element: ``TensorProto.DataType``.
        owner: what has the type, for the message.

    Raises:
        UnsupportedError: strings, complex numbers, types below eight bits and unknown ones.
    """
    if element not in _REFUSED and element in _NAMES and element != TensorProto.UNDEFINED:
        try:
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element))
        except KeyError:
            dtype = None
        if dtype is not None and "int4" not in dtype.name and "int2" not in dtype.name:
            return dtype
    raise UnsupportedError(f"{owner} has the element type {type_name(element)}: not supported")


def byte_size(shape: Sequence[int], dtype: np.dtype, owner: str) -> int:
    """The bytes of a tensor, checked.

    Raises:
        ModelError: a size is negative, or the whole is more than a program can address.
    """
    for size in shape:
        if size < 0:
            raise ModelError(f"{owner} has a negative size: {list(shape)}")
    size = math.prod(shape) * dtype.itemsize
    if size > LARGEST:
        raise ModelError(f"{owner} has {list(shape)} elements: {size} bytes, more than 2^40")
    return size


def view(buffer: Any, payload: Payload, owner: str) -> np.ndarray:
    """The read-only array that a payload is, without a copy.

    Raises:
        ModelError: the bytes do not fit the shape.
        UnsupportedError: the element type is refused.
    """
    dtype = dtype_of(payload.data_type, owner)
    if (needed := byte_size(payload.dims, dtype, owner)) != payload.size:
        raise ModelError(
            f"{owner} has {payload.size} bytes of data but its shape {list(payload.dims)} of"
            f" {type_name(payload.data_type)} needs {needed}"
        )
    count = payload.size // dtype.itemsize
    array = np.frombuffer(buffer, dtype.newbyteorder("<"), count, payload.offset)
    return freeze(array.reshape(payload.dims))


def freeze(array: np.ndarray) -> np.ndarray:
    """The array, or a view of it, that nothing may write to."""
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def array_of_tensor(tensor: TensorProto, stripped: Stripped, owner: str) -> np.ndarray:
    """The array of a tensor of a stripped model.

    Args:
        tensor: as parsed; a token in its ``doc_string`` leads to bytes outside.
        stripped: the payloads; a value is an ndarray already bound to its memory.
        owner: what to call the tensor in messages.

    Raises:
        ModelError, UnsupportedError: the data does not fit the shape; the type is refused.
    """
    bound = stripped.payloads.get(tensor.doc_string)
    if isinstance(bound, np.ndarray):
        return bound
    dtype = dtype_of(tensor.data_type, owner)
    byte_size(tensor.dims, dtype, owner)
    try:
        return freeze(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{owner} has data that does not fit its shape: {error}") from None
