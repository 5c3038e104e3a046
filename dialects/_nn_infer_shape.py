"""Result types of the nn operations that move data, with the symbols they carry along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import TensorType, i1, i64
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects._nn_infer_contract import check_axis
from rnncc.dialects._nn_infer_elementwise import same_element
from rnncc.dialects._types import is_integer, shape_of, symbols_of, tensor_type, type_of
from rnncc.errors import DynamicTimeError, ShapeError, UnsupportedError

Typed = SSAValue | Attribute


def check_reshape(x: Typed, result: Typed) -> TensorType:
    """The result type, if it has x's elements at every run-time length.

    A size is a number times its symbols, so two shapes hold equally many elements at every length
    exactly when they do at the maximum and carry the same symbols.
    """
    kind = type_of(result)
    if type_of(x).get_element_type() != kind.get_element_type():
        raise ShapeError(f"reshape of {type_of(x)} to another element type, {kind}")
    if prod(shape_of(x)) != prod(shape_of(kind)):
        raise ShapeError(f"reshape of {list(shape_of(x))} to {list(shape_of(kind))}")
    if Counter(filter(None, symbols_of(x))) != Counter(filter(None, symbols_of(kind))):
        raise DynamicTimeError(f"reshape of {type_of(x)} to {kind} holds for one length only")
    return kind


def infer_transpose(x: Typed, perm: Sequence[int]) -> TensorType:
    """``r.shape[i] = x.shape[perm[i]]``."""
    shape, symbols = shape_of(x), symbols_of(x)
    if sorted(perm) != list(range(len(shape))):
        raise ShapeError(f"{list(perm)} is not an order of {len(shape)} dimensions")
    return tensor_type(
        type_of(x).get_element_type(), [shape[i] for i in perm], [symbols[i] for i in perm]
    )


def _sliced(size: int, symbol: str, start: int, count: int, step: int) -> tuple[int, str]:
    if count < 0 or step == 0:
        raise ShapeError(f"a slice of {count} elements with step {step}")
    last = start + (count - 1) * step
    if count and not (0 <= start < size and 0 <= last < size):
        raise ShapeError(f"the slice from {start} to {last} leaves a dimension of {size}")
    if not symbol:
        return count, ""
    if count == size and (start, step) in ((0, 1), (size - 1, -1)):
        return count, symbol
    if count == 1 and start == 0:
        return 1, ""
    raise DynamicTimeError(f"a fixed slice of the run-time length '{symbol}'")


def infer_slice(
    x: Typed, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int]
) -> TensorType:
    """x with `sizes`; a run-time dimension can be taken whole, whole reversed, or its first."""
    shape, symbols = shape_of(x), symbols_of(x)
    if not len(shape) == len(starts) == len(sizes) == len(steps):
        raise ShapeError(f"a slice of {list(shape)} by {len(starts)} starts, {len(sizes)} sizes")
    dims = [_sliced(*d) for d in zip(shape, symbols, starts, sizes, steps, strict=True)]
    return tensor_type(type_of(x).get_element_type(), [d[0] for d in dims], [d[1] for d in dims])


def infer_dynamic_slice(x: Typed, start: Typed, axis: int, size: int) -> TensorType:
    """x with `size` elements along `axis`; start is a scalar i64 tensor."""
    shape, symbols = list(shape_of(x)), list(symbols_of(x))
    if type_of(start) != tensor_type(i64, ()):
        raise ShapeError(f"the start of a dynamic slice is {type_of(start)}, not tensor<i64>")
    if not 0 <= size <= shape[check_axis(axis, len(shape))]:
        raise ShapeError(f"a slice of {size} elements of a dimension of {shape[axis]}")
    shape[axis], symbols[axis] = size, ""
    return tensor_type(type_of(x).get_element_type(), shape, symbols)


def infer_dynamic_update(x: Typed, part: Typed, start: Typed, axis: int) -> TensorType:
    """The type of x, if the part is a slice of it along `axis`; start is a scalar i64 tensor."""
    shape, symbols = list(shape_of(x)), list(symbols_of(x))
    same_element("dynamic_update", x, part)
    if symbols[check_axis(axis, len(shape))] or any(symbols_of(part)[axis : axis + 1]):
        raise DynamicTimeError(f"an update within the run-time length of {type_of(x)}")
    size = shape_of(part)[axis] if len(shape_of(part)) == len(shape) else -1
    if infer_dynamic_slice(x, start, axis, max(size, 0)) != type_of(part):
        raise ShapeError(f"an update of {type_of(x)} along {axis} by {type_of(part)}")
    return type_of(x)


def infer_gather(data: Typed, indices: Typed, axis: int) -> TensorType:
    """``data.shape[:axis] + indices.shape + data.shape[axis+1:]``."""
    elt = type_of(indices).get_element_type()
    if not is_integer(elt):
        raise UnsupportedError(f"gather by indices of {elt}")
    check_axis(axis, len(shape_of(data)))

    def joined(of):
        return (*of(data)[:axis], *of(indices), *of(data)[axis + 1 :])

    return tensor_type(type_of(data).get_element_type(), joined(shape_of), joined(symbols_of))


def infer_concat(parts: Sequence[Typed], axis: int) -> TensorType:
    """The parts one after the other along `axis`; elsewhere their sizes are the same."""
    if not parts:
        raise ShapeError("concat of nothing")
    elt = same_element("concat", *parts)
    shape, symbols = list(shape_of(parts[0])), list(symbols_of(parts[0]))
    check_axis(axis, len(shape))
    total = 0
    for part in parts:
        own, own_symbols = list(shape_of(part)), list(symbols_of(part))
        if len(own) != len(shape):
            raise ShapeError(f"concat of {list(shape)} and {own}")
        total += own[axis]
        same_along = own_symbols[axis] == symbols[axis]
        own[axis] = shape[axis]
        if own != shape:
            raise ShapeError(f"concat along {axis} of {list(shape)} and {list(shape_of(part))}")
        if own_symbols != symbols:
            where = "other dimensions" if same_along else f"dimension {axis}"
            raise DynamicTimeError(f"concat along {axis} of different lengths in {where}")
    shape[axis] = total
    return tensor_type(elt, shape, symbols)


def infer_pad(x: Typed, low: Sequence[int], high: Sequence[int]) -> TensorType:
    """x with `low` elements before and `high` behind in each dimension (none negative)."""
    shape, symbols = shape_of(x), symbols_of(x)
    if not len(shape) == len(low) == len(high):
        raise ShapeError(f"a pad of {list(shape)} by {list(low)} and {list(high)}")
    if any(n < 0 for n in (*low, *high)):
        raise ShapeError(f"a pad by negative amounts {list(low)} and {list(high)}")
    for symbol, before, after in zip(symbols, low, high, strict=True):
        if symbol and (before or after):
            raise DynamicTimeError(f"a pad of the run-time length '{symbol}'")
    sizes = [n + before + after for n, before, after in zip(shape, low, high, strict=True)]
    return tensor_type(type_of(x).get_element_type(), sizes, symbols)


def check_broadcast(x: Typed, result: Typed) -> TensorType:
    """The result type, if x broadcasts to it (NumPy's rule, at every run-time length)."""
    kind = type_of(result)
    same_element("broadcast", x, kind)
    own = list(zip(shape_of(x), symbols_of(x), strict=True))
    target = list(zip(shape_of(kind), symbols_of(kind), strict=True))
    if len(own) > len(target):
        raise ShapeError(f"broadcast of {type_of(x)} to {kind}")
    for (n, s), (m, t) in zip(reversed(own), reversed(target), strict=False):
        if (n, s) in ((1, ""), (m, t)):
            continue
        if n != m:
            raise ShapeError(f"broadcast of {type_of(x)} to {kind}")
        raise DynamicTimeError(f"broadcast of {type_of(x)} to {kind} holds for one length only")
    return kind


def check_iota(result: Typed, axis: int) -> TensorType:
    """The result type, if it has numbers as elements and the axis exists."""
    kind = type_of(result)
    check_axis(axis, len(shape_of(kind)))
    if kind.get_element_type() == i1:
        raise UnsupportedError("iota is not defined on i1")
    return kind


def infer_reverse_sequence(x: Typed, lens: Typed, time_axis: int, batch_axis: int) -> TensorType:
    """The type of x; lens is one whole number for each index of the batch axis."""
    shape = shape_of(x)
    check_axis(time_axis, len(shape))
    check_axis(batch_axis, len(shape))
    if time_axis == batch_axis:
        raise ShapeError("reverse_sequence with one axis for both time and batch")
    if shape_of(lens) != (shape[batch_axis],):
        raise ShapeError(f"{list(shape_of(lens))} lengths for a batch of {shape[batch_axis]}")
    if not is_integer(type_of(lens).get_element_type()):
        raise UnsupportedError(f"lengths of {type_of(lens).get_element_type()}")
    return type_of(x)
