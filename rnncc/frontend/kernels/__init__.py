"""NumPy kernels for constant folding: exact, only for operators without state or randomness.

A kernel takes the inputs (None where absent) and the attributes (defaults filled in) and gives the
outputs. What has no kernel here is not folded; it runs on the device instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnncc.frontend.kernels.elementwise import ELEMENTWISE
from rnncc.frontend.kernels.reducing import REDUCING
from rnncc.frontend.kernels.shaping import SHAPING, predicted_elements

#: Folding may not make more than this many bytes that were not there before.
GROWTH_LIMIT = 16 << 20

Array = np.ndarray


class NotFoldable(Exception):
    """This node cannot be folded (too large, no kernel, a value that has no exact result)."""


def has_kernel(op_type: str) -> bool:
    """Whether an operator can be folded at all."""
    return op_type in ELEMENTWISE or op_type in SHAPING or op_type in REDUCING


def evaluate(
    op_type: str, inputs: Sequence[Array | None], attributes: Mapping[str, Any], outputs: int = 1
) -> list[Array]:
    """The outputs of an operator on constant inputs (newest form: axes and the like are inputs).

    Args:
        op_type: the ONNX operator.
        inputs: the constants, None where an optional input is absent.
        attributes: Python values, defaults included.
        outputs: how many outputs the node has.

    Raises:
        NotFoldable: no kernel, or the result would be more than `GROWTH_LIMIT` larger.
        ValueError, IndexError: the constants do not fit the operator.
    """
    if not has_kernel(op_type):
        raise NotFoldable(op_type)
    present = [a for a in inputs if a is not None]
    before = sum(a.nbytes for a in present)
    if op_type in ELEMENTWISE:
        shape = np.broadcast_shapes(*(a.shape for a in present))
        elements = int(np.prod(shape, dtype=object))
    else:
        elements = predicted_elements(op_type, inputs, attributes)
    width = max((a.itemsize for a in present), default=8)
    if elements * width - before > GROWTH_LIMIT:
        raise NotFoldable(op_type)
    with np.errstate(all="ignore"):
        if op_type in ELEMENTWISE:
            result = ELEMENTWISE[op_type](inputs, attributes)
        elif op_type in SHAPING:
            result = SHAPING[op_type](inputs, attributes, outputs)
        else:
            result = REDUCING[op_type](inputs, attributes)
    if result is None:
        raise NotFoldable(op_type)
    results = list(result) if isinstance(result, tuple | list) else [result]
    return [_settled(np.asarray(array)) for array in results]


def _settled(array: Array) -> Array:
    """Read-only, and without strides of zero, which are no memory to address."""
    if any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True)):
        array = np.ascontiguousarray(array)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
