"""Element types that instructions and program segments know, and their NumPy containers."""

from __future__ import annotations

import ml_dtypes
import numpy as np

ELEMENT_TYPES: dict[str, int] = {
    "f16": 1,
    "bf16": 2,
    "f32": 3,
    "f64": 4,
    "i1": 5,
    "i8": 6,
    "i16": 7,
    "i32": 8,
    "i64": 9,
    "ui8": 10,
}
"""Element type -> code in an instruction word; 0 is "no operand"."""

NUMPY_TYPES: dict[str, np.dtype] = {
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "i1": np.dtype(np.bool_),
    "i8": np.dtype(np.int8),
    "i16": np.dtype(np.int16),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "ui8": np.dtype(np.uint8),
}
"""Element type -> container; ``i1`` is a NumPy bool, one byte."""

TYPE_NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in NUMPY_TYPES.items()}
"""Container -> element type."""

ITEM_SIZES: dict[str, int] = {name: dtype.itemsize for name, dtype in NUMPY_TYPES.items()}
"""Bytes of one element in its container."""

FLOAT_TYPES = frozenset({"f16", "bf16", "f32", "f64"})
"""The types whose elements the cost functions charge in the machine's native format."""
