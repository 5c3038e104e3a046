"""ONNX operators that gather by indices, as nn operations."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, type_of
from rnncc.passes._onnx_index import last_element, not_negative
from rnncc.passes._onnx_node import Converter, Node, constant_value, dims_of


def _gather(n: Node) -> SSAValue:
    data, indices = n.need(0), n.need(1)
    axis = n.axis(n.attrs["axis"], len(shape_of(data)))
    known = constant_value(indices)
    size, symbol = dims_of(data)[axis]
    if known is not None:
        if known.size == 1 and (not symbol or known.item() in (0, -1)):
            return _pick(n, data, axis, int(known.item()), known.ndim)
        if symbol:
            n.refuse_dynamic(f"fixed indices into the run-time length '{symbol}'")
        if known.size and not -size <= known.min() <= known.max() < size:
            n.refuse(f"an index is outside {-size}..{size - 1}")
        where = np.where(known < 0, known + size, known).astype(known.dtype)
        return n.emit(nn.GatherOp(data, n.array(where), axis))
    if not not_negative(indices):
        elt = type_of(indices).get_element_type()
        length = n.cast(n.length(data, axis), elt)
        negative = n.compare("lt", indices, 0)
        indices = n.select(negative, n.binary("add", indices, length), indices)
    return n.emit(nn.GatherOp(data, indices, axis))


def _pick(n: Node, data: SSAValue, axis: int, index: int, rank: int) -> SSAValue:
    dims = dims_of(data)
    size, symbol = dims[axis]
    if symbol:
        one = n.slice_axis(data, axis, 0, 1) if index == 0 else last_element(n, data, axis)
    elif not -size <= index < size:
        n.refuse(f"index {index} is outside {-size}..{size - 1}")
    else:
        one = n.slice_axis(data, axis, index % size, 1)
    return n.reshape(one, [*dims[:axis], *[(1, "")] * rank, *dims[axis + 1 :]])


def _reverse_sequence(n: Node) -> SSAValue:
    time, batch = n.attrs["time_axis"], n.attrs["batch_axis"]
    return n.emit(nn.ReverseSequenceOp(n.need(0), n.need(1), time, batch))


TABLE: dict[str, Converter] = {
    "Gather": _gather,
    "ReverseSequence": _reverse_sequence,
}
