"""A bound instruction: a function and the arrays that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnncc.machine.rounding import Scaled
from rnncc.simulator.matrices import MatrixArgument, RegisterArgument


@dataclass(frozen=True)
class Argument:
    """One array of a call; with an index register the entry ``array[R[register] - low]``."""

    array: np.ndarray | Scaled
    register: int = 0
    low: int = 0


@dataclass(frozen=True)
class Call:
    """``function(*arguments)``; some arguments are only known when it runs."""

    function: Callable[..., object]
    arguments: tuple[Argument | MatrixArgument | RegisterArgument, ...]


def coalesce(
    extents: tuple[int, ...], strides: list[tuple[int, ...]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Drop axes of one element and merge neighbours that every operand walks through evenly.

    Args:
        extents: elements along each axis.
        strides: for each operand its strides.

    Returns: the same walk with as few axes as possible (at least one).
    """
    kept = [axis for axis, count in enumerate(extents) if count != 1] or [len(extents) - 1]
    shape = [extents[kept[0]]]
    walks = [[one[kept[0]]] for one in strides]
    for axis in kept[1:]:
        count = extents[axis]
        if all(walk[-1] == one[axis] * count for walk, one in zip(walks, strides, strict=True)):
            shape[-1] *= count
            for walk, one in zip(walks, strides, strict=True):
                walk[-1] = one[axis]
        else:
            shape.append(count)
            for walk, one in zip(walks, strides, strict=True):
                walk.append(one[axis])
    return tuple(shape), [tuple(walk) for walk in walks]
