"""Result types of the nn operations that slide a window: convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType, i1
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects._nn_infer_elementwise import same_element
from rnncc.dialects._types import is_float, shape_of, symbols_of, tensor_type, type_of
from rnncc.errors import DynamicTimeError, ShapeError, UnsupportedError

Typed = SSAValue | Attribute
POOL_KINDS = frozenset({"max", "average"})


@dataclass(frozen=True)
class Sliding:
    """How a window slides along one spatial dimension.

    Output i reads the elements ``i * stride + j * dilation - low`` for j in 0 .. kernel-1; those
    outside of ``0 .. size-1`` are padding.

    Attributes:
        size: elements of the input.
        kernel: elements of the window.
        stride: elements from one window to the next.
        dilation: elements from one element of the window to the next.
        low: elements of padding before the input.
        high: elements of padding behind it.
        ceil: whether a last window that reaches beyond the padding counts.
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    low: int = 0
    high: int = 0
    ceil: bool = False

    @property
    def reach(self) -> int:
        """Elements from the first of a window to its last, both included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def padded(self) -> int:
        """Elements of the input with its padding."""
        return self.size + self.low + self.high

    @property
    def count(self) -> int:
        """How many windows there are; with `ceil` only those that start before the padding behind."""
        room = self.padded - self.reach
        if room < 0 and not (self.ceil and -room < self.stride):
            return 0
        if not self.ceil:
            return room // self.stride + 1
        count = -(-room // self.stride) + 1
        return count - 1 if (count - 1) * self.stride >= self.size + self.low else count

    @property
    def extent(self) -> int:
        """Elements, from the first of the padding, that the windows cover."""
        return (self.count - 1) * self.stride + self.reach if self.count else 0

    def divisors(self, include_pad: bool) -> list[int]:
        """For each window the elements an average divides by: its own, or those of padding too.

        What lies beyond the padding is never counted.
        """
        first, last = (0, self.padded) if include_pad else (self.low, self.low + self.size)
        starts = range(0, self.count * self.stride, self.stride)
        inside = [range(s, s + self.reach, self.dilation) for s in starts]
        return [sum(first <= p < last for p in window) for window in inside]


def slidings(
    what: str,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    low: Sequence[int],
    high: Sequence[int],
    *,
    ceil: bool = False,
) -> list[Sliding]:
    """One Sliding a spatial dimension; raises ShapeError for lists that do not fit."""
    lists = (kernel, strides, dilations, low, high)
    if any(len(values) != len(sizes) for values in lists):
        raise ShapeError(f"{what} over {len(sizes)} spatial dimensions has lists of other lengths")
    if any(v < 1 for values in (kernel, strides, dilations) for v in values):
        raise ShapeError(f"{what} with a kernel, stride or dilation below 1")
    if any(v < 0 for values in (low, high) for v in values):
        raise ShapeError(f"{what} with negative padding {list(low)}, {list(high)}")
    made = [
        Sliding(*numbers, ceil=ceil)
        for numbers in zip(sizes, kernel, strides, dilations, low, high, strict=True)
    ]
    for axis, sliding in enumerate(made):
        if sliding.count < 1:
            raise ShapeError(
                f"{what}: a window of {sliding.reach} elements does not fit the {sliding.padded} "
                f"of spatial dimension {axis}"
            )
    return made


def _frames(what: str, x: Typed) -> tuple[tuple[int, ...], str]:
    shape, symbols = shape_of(x), symbols_of(x)
    if len(shape) < 3:
        raise ShapeError(f"{what} of {list(shape)}: batch, channels and space are needed")
    for axis, symbol in enumerate(symbols[1:], 1):
        if symbol:
            raise DynamicTimeError(f"{what} over the run-time length '{symbol}' of axis {axis}")
    return shape, symbols[0]


def infer_conv(
    x: Typed,
    w: Typed,
    strides: Sequence[int],
    dilations: Sequence[int],
    low: Sequence[int],
    high: Sequence[int],
    *,
    groups: int,
) -> TensorType:
    """``[n, c, space...] conv [m, c / groups, kernel...] -> [n, m, space...]``."""
    elt = same_element("conv", x, w)
    if elt == i1:
        raise UnsupportedError("conv is not defined on i1")
    shape, symbol = _frames("conv", x)
    weights = shape_of(w)
    if any(symbols_of(w)):
        raise DynamicTimeError("conv with weights of a run-time length")
    if len(weights) != len(shape):
        raise ShapeError(f"conv of {list(shape)} with weights {list(weights)}")
    if groups < 1 or weights[0] % groups or shape[1] != weights[1] * groups:
        raise ShapeError(
            f"conv of {shape[1]} channels with weights {list(weights)} in {groups} groups"
        )
    steps = slidings("conv", shape[2:], weights[2:], strides, dilations, low, high)
    sizes = [shape[0], weights[0], *(s.count for s in steps)]
    return tensor_type(elt, sizes, [symbol, *[""] * (len(sizes) - 1)])


def infer_pool(
    kind: str,
    x: Typed,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    low: Sequence[int],
    high: Sequence[int],
    *,
    ceil: bool = False,
    include_pad: bool = False,
) -> TensorType:
    """``[n, c, space...] -> [n, c, space...]``, one element a window."""
    if kind not in POOL_KINDS:
        raise UnsupportedError(f"no kind '{kind}'; there are {', '.join(sorted(POOL_KINDS))}")
    elt = type_of(x).get_element_type()
    if elt == i1 or (kind == "average" and not is_float(elt)):
        raise UnsupportedError(f"{kind} pooling is not defined on {elt}")
    shape, symbol = _frames("pool", x)
    steps = slidings("pool", shape[2:], kernel, strides, dilations, low, high, ceil=ceil)
    if kind == "average" and any(0 in s.divisors(include_pad) for s in steps):
        raise ShapeError("average pooling has a window that lies in the padding altogether")
    sizes = [*shape[:2], *(s.count for s in steps)]
    return tensor_type(elt, sizes, [symbol, *[""] * (len(sizes) - 1)])
