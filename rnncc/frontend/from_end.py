"""Indices that follow a length because they count from the end: written so that they do not."""

from __future__ import annotations

import numpy as np

from rnncc.frontend.graph import Node

#: The end of an axis, whatever its size.
END = np.iinfo(np.int64).max


def from_end(node: Node, twins: list[Node], index: int) -> np.ndarray | None:
    """Indices that differ between walks, counted from the end, where that makes them the same."""
    every = [node, *twins]
    arrays = [n.inputs[index].array for n in every]  # type: ignore[union-attr]
    shapes = [n.inputs[0].known_shape for n in every]  # type: ignore[union-attr]
    if any(s is None for s in shapes) or len({a.shape for a in arrays}) != 1:  # type: ignore[union-attr]
        return None
    result = np.array(arrays[0], np.int64).reshape(-1)
    axes = node.inputs[3] if node.op_type == "Slice" and len(node.inputs) > 3 else None
    if axes is not None and axes.array is None:
        return None
    for i in range(result.size):
        if node.op_type == "Gather":
            axis = int(node.attributes.get("axis", 0))
        else:
            axis = int(axes.array.reshape(-1)[i]) if axes is not None else i  # type: ignore[union-attr]
        numbers = [int(a.reshape(-1)[i]) for a in arrays]  # type: ignore[union-attr]
        if len(set(numbers)) == 1:
            continue
        offsets = [n - s[axis] for n, s in zip(numbers, shapes, strict=True)]  # type: ignore[index]
        if index == 2 and min(offsets) >= 0:
            result[i] = END
        elif len(set(offsets)) == 1 and offsets[0] < 0:
            result[i] = offsets[0]
        else:
            return None
    return result.reshape(arrays[0].shape)  # type: ignore[union-attr]
