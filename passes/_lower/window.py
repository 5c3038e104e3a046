"""Windows that slide over three spatial dimensions, and parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnncc.dialects import nn
from rnncc.errors import UnsupportedError

SPACE = 3
"""Spatial dimensions that are lowered: depth, rows, columns."""


@dataclass(frozen=True)
class Axis:
    """Windows along one dimension: output i reads ``i * stride + j * dilation - low``, j < kernel."""

    size: int
    """Elements of the input."""
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    low: int = 0
    """Padding before the input."""
    count: int = 1
    """Outputs."""

    @property
    def reach(self) -> int:
        """Elements from the first of a window to its last, both included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def span(self) -> int:
        """Elements that all windows cover, padding included."""
        return (self.count - 1) * self.stride + self.reach

    @property
    def padded(self) -> bool:
        """Whether a window reaches into the padding."""
        return self.low > 0 or self.span - self.low > self.size

    def part(self, first: int, count: int) -> tuple[int, Axis]:
        """The windows first .. first+count-1: the first element they need, and them over what they need."""
        begin = first * self.stride - self.low
        end = begin + (count - 1) * self.stride + self.reach
        start, stop = max(0, min(begin, self.size)), max(0, min(end, self.size))
        size = max(0, stop - start)
        return start, Axis(size, self.kernel, self.stride, self.dilation, start - begin, count)

    def inside(self, offset: int) -> tuple[int, int]:
        """The outputs [first, last) for which element `offset` of the window is not padding."""
        at = offset * self.dilation - self.low
        first = max(0, -(at // self.stride)) if at < 0 else 0
        last = (self.size - 1 - at) // self.stride + 1 if self.size else 0
        return min(first, self.count), max(min(first, self.count), min(last, self.count))


def axes_of(slidings: Sequence[nn.Sliding]) -> list[Axis]:
    """Depth, rows and columns of one, two or three spatial dimensions.

    Raises:
        UnsupportedError: there are more.
    """
    if len(slidings) > SPACE:
        raise UnsupportedError(f"a window over {len(slidings)} spatial dimensions has no lowering")
    own = [Axis(s.size, s.kernel, s.stride, s.dilation, s.low, s.count) for s in slidings]
    return [*[Axis(1)] * (SPACE - len(own)), *own]
