"""How kernels read their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
Inputs = Sequence[Array | None]
Attributes = Mapping[str, Any]


def ints(array: Array | None) -> list[int]:
    """A constant list of whole numbers."""
    assert array is not None
    return [int(n) for n in array.reshape(-1)]


def scalar(array: Array | None) -> Any:
    """A constant of one element."""
    assert array is not None
    return array.reshape(-1)[0]


def first(inputs: Inputs) -> Array:
    """The first input, which is there."""
    assert inputs[0] is not None
    return inputs[0]
