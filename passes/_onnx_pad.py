"""ONNX padding, running sums and reversed sequences as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.passes._onnx_node import Converter, Node, dims_of


def _pad(n: Node) -> SSAValue:
    x = n.need(0)
    rank = len(shape_of(x))
    amounts, axes = n.integers("pads", 1), n.constant(3) if n.version >= 18 else None
    assert amounts is not None
    chosen = range(rank) if axes is None else [n.axis(int(a), rank) for a in axes.reshape(-1)]
    low, high = [0] * rank, [0] * rank
    for i, axis in enumerate(chosen):
        low[axis], high[axis] = amounts[i], amounts[i + len(amounts) // 2]
    for axis in range(rank):
        size = shape_of(x)[axis]
        cut = max(-low[axis], 0), max(-high[axis], 0)
        if any(cut):
            x = n.slice_axis(x, axis, cut[0], max(size - sum(cut), 0))
    low, high = [max(v, 0) for v in low], [max(v, 0) for v in high]
    mode = n.attrs.get("mode", "constant")
    if mode == "constant":
        return n.emit(nn.PadOp(x, low, high, _pad_value(n, x)))
    for axis in range(rank):
        if low[axis] or high[axis]:
            size, symbol = dims_of(x)[axis]
            if symbol:
                n.refuse_dynamic(f"pads the run-time length '{symbol}'")
            where = np.pad(np.arange(size), (low[axis], high[axis]), mode)
            x = n.emit(nn.GatherOp(x, n.array(where), axis))
    return x


def _pad_value(n: Node, x: SSAValue) -> float:
    elt = type_of(x).get_element_type()
    if n.version < 11:
        return n.attrs.get("value", 0.0)
    given = n.constant(2)
    value = 0 if given is None or not given.size else given.reshape(-1)[0].item()
    if isinstance(value, int) and int(float(value)) != value:
        n.refuse(f"the padding value {value} of {numpy_dtype(elt)} is too large")
    return float(value)


def _cumulative(n: Node) -> SSAValue:
    """The running sum by doubling distances: log2(size) shifted additions."""
    x = n.need(0)
    position = n.constant(1)
    assert position is not None
    axis = n.axis(int(position.item()), len(shape_of(x)))
    size, symbol = dims_of(x)[axis]
    if symbol:
        n.refuse_dynamic(f"sums along the run-time length '{symbol}'")

    def shifted(value: SSAValue, by: int) -> SSAValue:
        low, high = [0] * len(shape_of(x)), [0] * len(shape_of(x))
        (high if n.attrs["reverse"] else low)[axis] = by
        kept = n.slice_axis(value, axis, by if n.attrs["reverse"] else 0, size - by)
        return n.emit(nn.PadOp(kept, low, high, 0.0))

    if n.attrs["exclusive"] and size:
        x = shifted(x, 1)
    distance = 1
    while distance < size:
        x = n.binary("add", x, shifted(x, distance))
        distance *= 2
    return x


TABLE: dict[str, Converter] = {
    "Pad": _pad,
    "CumSum": _cumulative,
}
