"""Extents of tensors: static or following a register, joined and matched with one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue


@dataclass(frozen=True)
class Dim:
    """An extent: `size` when static, else ``scale * reg`` at run time and at most `size`."""

    size: int
    reg: SSAValue | None = None
    scale: int = 1

    @property
    def is_one(self) -> bool:
        """Whether the extent is 1 in every run."""
        return self.size == 1 and self.reg is None

    def times(self, n: int) -> Dim:
        """The extent n times over."""
        return Dim(self.size * n, self.reg, self.scale * n if self.reg is not None else 1)


ONE = Dim(1)


def _joined(dims: Sequence[Dim]) -> tuple | None:
    """Size and run-time factor of a group of extents; None if a run-time one is not the first."""
    if any(d.reg is not None for d in dims[1:]):
        return None
    size = prod(d.size for d in dims)
    return size, dims[0].reg


def match(old: Sequence[Dim], new: Sequence[Dim]) -> tuple[int, int] | None:
    """How many leading extents of each side hold equally many elements, the fewest possible."""
    if not old or not new:
        return None
    i = j = 1
    while True:
        a, b = prod(d.size for d in old[:i]), prod(d.size for d in new[:j])
        if a == b:
            left, right = _joined(old[:i]), _joined(new[:j])
            if left is not None and left == right:
                return i, j
            if i == len(old) or j == len(new) or left is None or right is None:
                return None
            i, j = i + 1, j + 1
        elif a < b:
            i += 1
        else:
            j += 1
        if i > len(old) or j > len(new):
            return None


def collapse(
    dims: Sequence[Dim], strides: Sequence[Sequence[int]]
) -> tuple[list[Dim], list[list[int]]]:
    """Join neighbouring extents that every operand walks without a gap.

    Args:
        dims: the iteration space, outermost first.
        strides: for each operand its stride in each of the dimensions.

    Returns:
        The joined extents and the operands' strides; extents of 1 are gone.
    """
    out: list[Dim] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, dim in enumerate(dims):
        if dim.is_one:
            continue
        own = [s[axis] for s in strides]
        if (
            out
            and dim.reg is None
            and all(s[-1] == n * dim.size for s, n in zip(steps, own, strict=True))
        ):
            out[-1] = out[-1].times(dim.size)
            for s, n in zip(steps, own, strict=True):
                s[-1] = n
        else:
            out.append(dim)
            for s, n in zip(steps, own, strict=True):
                s.append(n)
    return out, steps
