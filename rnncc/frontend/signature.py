"""The signature of a model, read without its weights; shapes taken from arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.errors import InputError, nearest

if TYPE_CHECKING:
    from rnncc.frontend.importer import Model
    from rnncc.frontend.shapes import Input


def model_inputs(model: Model) -> list[Input]:
    """The inputs of a model that have no initializer, in order.

    Args:
        model: path of an .onnx file, its bytes, or a ModelProto.

    Returns:
        For each: ``name``, ``element`` (ONNX element type) and ``dims`` (a size, or the name of a
        free dimension, each; None when the rank is unknown).

    Raises:
        ModelError, UnsupportedError, ShapeError: as `rnncc.frontend.import_model`.
    """
    from rnncc.frontend.load import load
    from rnncc.frontend.shapes import graph_inputs

    return graph_inputs(load(model).proto.graph)


def shapes_from_inputs(model: Model, arrays: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The `shapes` to import a model with, so that it takes these arrays.

    Raises:
        InputError: an array is given for a name that is no input, has another element type, or
            contradicts the model's shape.
    """
    from rnncc.frontend.arrays import dtype_of

    inputs = {entry.name: entry for entry in model_inputs(model)}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in arrays.items():
        entry = inputs.get(name)
        if entry is None:
            names = ", ".join(inputs) or "none"
            hint = nearest(name, inputs)
            raise InputError(f"there is no input '{name}'; the inputs are {names}", hint)
        array = np.asarray(value)
        wanted = dtype_of(entry.element, f"input '{name}'")
        if array.dtype != wanted:
            raise InputError(f"input '{name}' is {wanted}, the array given is {array.dtype}")
        dims = entry.dims
        fits = dims is None or (
            len(dims) == array.ndim
            and all(isinstance(d, str) or d == n for d, n in zip(dims, array.shape, strict=True))
        )
        if not fits:
            text = ", ".join(map(str, dims or ()))
            raise InputError(f"input '{name}' is [{text}], the array given {list(array.shape)}")
        shapes[name] = array.shape
    return shapes
