"""Input shapes: what the model says, what the user gives, and what is still free to vary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onnx import GraphProto, ValueInfoProto

from rnncc.errors import ShapeError, UnsupportedError, nearest
from rnncc.frontend.arrays import dtype_of

#: Largest size of one dimension, so that no product of a few of them is out of hand.
LARGEST_DIMENSION = 1 << 40


@dataclass(frozen=True)
class Input:
    """A graph input without an initializer.

    Attributes:
        name: ONNX name.
        element: ONNX element type.
        dims: for each dimension its size, or the name of a free one; None when the rank is unknown.
    """

    name: str
    element: int
    dims: tuple[int | str, ...] | None


def graph_inputs(graph: GraphProto) -> list[Input]:
    """The inputs that have no initializer, in order.

    Free dimensions keep the name of their ``dim_param``; one without a name is called after its
    input and axis (``x_0``).

    Raises:
        UnsupportedError: an input is no tensor, or has an element type that is refused.
        ShapeError: a size is negative.
    """
    constants = {t.name for t in graph.initializer}
    return [_input(v) for v in graph.input if v.name not in constants]


def _input(value: ValueInfoProto) -> Input:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        word = (kind or "without a type").removesuffix("_type").replace("_", " ")
        raise UnsupportedError(f"input '{value.name}' is {word}; only tensors are supported")
    tensor = value.type.tensor_type
    dtype_of(tensor.elem_type, f"input '{value.name}'")
    if not tensor.HasField("shape"):
        return Input(value.name, tensor.elem_type, None)
    dims: list[int | str] = []
    for axis, dim in enumerate(tensor.shape.dim):
        if dim.HasField("dim_value"):
            if not 0 <= dim.dim_value <= LARGEST_DIMENSION:
                raise ShapeError(f"input '{value.name}': dimension {axis} has size {dim.dim_value}")
            dims.append(dim.dim_value)
        else:
            dims.append(dim.dim_param or f"{value.name}_{axis}")
    return Input(value.name, tensor.elem_type, tuple(dims))


def bind(
    inputs: Sequence[Input], shapes: Mapping[str, Iterable[int]] | None
) -> tuple[list[Input], dict[str, int]]:
    """Fill the free dimensions from shapes that the user gives.

    Args:
        inputs: as `graph_inputs` lists them.
        shapes: input name -> whole shape.

    Returns:
        The inputs (an unknown rank is now known, its dimensions free) and the size of each free
        dimension by name.

    Raises:
        ShapeError: a name that is no input, a shape that contradicts the model or another one, a
            size that is not positive, or a free dimension that no shape fills.
    """
    given = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    names = [i.name for i in inputs]
    for name in given:
        if name not in names:
            raise ShapeError(
                f"there is no input '{name}'; the inputs are {', '.join(names) or 'none'}",
                nearest(name, names),
            )
    sizes: dict[str, int] = {}
    filled: list[Input] = []
    for entry in inputs:
        shape = given.get(entry.name)
        if shape is not None:
            _check(entry, shape)
            dims = entry.dims
            if dims is None:
                dims = tuple(f"{entry.name}_{axis}" for axis in range(len(shape)))
            for dim, size in zip(dims, shape, strict=True):
                if isinstance(dim, str) and sizes.setdefault(dim, size) != size:
                    raise ShapeError(
                        f"the shapes give the dimension '{dim}' the sizes {sizes[dim]} and {size}"
                    )
            entry = Input(entry.name, entry.element, dims)  # noqa: PLW2901
        filled.append(entry)
    _complete(filled, sizes)
    return filled, sizes


def _check(entry: Input, shape: tuple[int, ...]) -> None:
    """Refuse a given shape that cannot be the input's."""
    text = ",".join(map(str, shape))
    for size in shape:
        if isinstance(size, bool) or int(size) != size or not 0 < size <= LARGEST_DIMENSION:
            raise ShapeError(f"--shape {entry.name}={text}: the size {size} is not possible")
    if entry.dims is None:
        return
    model = ",".join(map(str, entry.dims))
    if len(shape) != len(entry.dims):
        raise ShapeError(
            f"--shape {entry.name}={text}: the input has {len(entry.dims)} dimensions ({model})"
        )
    for dim, size in zip(entry.dims, shape, strict=True):
        if isinstance(dim, int) and dim != size:
            raise ShapeError(f"--shape {entry.name}={text}: the model fixes the shape ({model})")


def _complete(inputs: Sequence[Input], sizes: Mapping[str, int]) -> None:
    """Say exactly which --shape options are missing."""
    options, missing = [], []
    for entry in inputs:
        if entry.dims is None:
            options.append(f"--shape {entry.name}=...")
            missing.append(f"input '{entry.name}' has no shape")
            continue
        free = [d for d in entry.dims if isinstance(d, str) and d not in sizes]
        if free:
            dims = ",".join(str(sizes.get(d, d) if isinstance(d, str) else d) for d in entry.dims)
            options.append(f"--shape {entry.name}={dims}")
            missing.append(f"input '{entry.name}' has the unknown size {' and '.join(free)}")
    if missing:
        hint = f"pass {' '.join(options)} with a number for each name"
        raise ShapeError("; ".join(missing), hint)


def shape_of(entry: Input, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an input under sizes for its free dimensions."""
    return tuple(sizes[d] if isinstance(d, str) else d for d in entry.dims or ())


def symbol_names(names: Iterable[str]) -> dict[str, str]:
    """A distinct identifier for each free dimension, its own name where that is one."""
    result: dict[str, str] = {}
    for name in names:
        word = re.sub(r"\W", "_", name) or "T"
        word = f"_{word}" if word[0].isdigit() else word
        while word in result.values():
            word += "_"
        result[name] = word
    return result
