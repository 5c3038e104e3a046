"""Older forms of operators, rewritten to the newest form with exactly the same meaning.

Where an older version only allows fewer types, nothing is done: the class of the operator holds it
and ``op.version`` says what it is. Here are those whose operands, attributes or meaning changed:
attributes that became inputs, Softmax before opset 13 (which flattens to two dimensions), and
operators that were renamed. Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
from onnx import NodeProto

from rnncc.errors import ModelError
from rnncc.frontend.graph import Value
from rnncc.frontend.load import describe
from rnncc.frontend.rewriter import Rewriter, Versioned


def _axes(newer: int):
    """Squeeze, Unsqueeze and reductions: the attribute `axes` becomes the second input."""

    def rewrite(r: Rewriter) -> list[Versioned]:
        if r.version >= newer:
            return r.done(r.version)
        if (axes := r.take("axes")) is not None:
            r.add_input(1, np.array(axes, np.int64))
        return r.done(newer)

    return rewrite


def _slice(r: Rewriter) -> list[Versioned]:
    if r.version >= 10:
        return r.done(r.version)
    for position, name in enumerate(("starts", "ends", "axes"), 1):
        if (value := r.take(name)) is not None:
            r.add_input(position, np.array(value, np.int64))
    return r.done(10)


def _split(r: Rewriter) -> list[Versioned]:
    """Every Split gets its sizes as an input."""
    count = len(r.node.output)
    sizes = r.take("split")
    r.take("num_outputs")
    given = len(r.node.input) > 1 and r.node.input[1]
    if sizes is None and not given:
        axis = next((a.i for a in r.node.attribute if a.name == "axis"), 0)
        shape = r.shape()
        if not -len(shape) <= axis < len(shape):
            raise ModelError(f"{describe(r.node)}: axis {axis} of a tensor of rank {len(shape)}")
        step = -(-shape[axis] // count)
        sizes = [step] * (count - 1) + [shape[axis] - step * (count - 1)]
        if sizes[-1] < 0 or (r.version < 18 and sizes[-1] != step):
            raise ModelError(f"{describe(r.node)}: {shape[axis]} does not split into {count} parts")
    if sizes is not None:
        r.add_input(1, np.array(sizes, np.int64))
    return r.done(max(r.version, 18))


def _pad(r: Rewriter) -> list[Versioned]:
    if r.version >= 11:
        return r.done(r.version)
    r.add_input(1, np.array(r.take("pads"), np.int64))
    r.add_input(2, np.array(r.take("value", 0.0), _dtype(r)))
    return r.done(11)


def _dtype(r: Rewriter) -> np.dtype:
    value = r.lookup(r.node.input[0])
    element = value.element if value is not None else onnx.TensorProto.FLOAT
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element))


def _clip(r: Rewriter) -> list[Versioned]:
    if r.version >= 11:
        return r.done(r.version)
    for position, name in enumerate(("min", "max"), 1):
        if (bound := r.take(name)) is not None:
            r.add_input(position, np.array(bound, _dtype(r)))
    return r.done(12)


def _dropout(r: Rewriter) -> list[Versioned]:
    """Before 12 Dropout never trains: without its mask it is the identity."""
    if r.version >= 12:
        return r.done(r.version)
    ratio = r.take("ratio", 0.5)
    r.add_input(1, np.array(ratio, np.float32))
    return r.done(12)


def _top_k(r: Rewriter) -> list[Versioned]:
    if r.version >= 10:
        return r.done(r.version)
    r.add_input(1, np.array([r.take("k")], np.int64))
    return r.done(11)


def _resize(r: Rewriter) -> list[Versioned]:
    """Upsample and Resize-10 take the pixel at floor(position / scale)."""
    if r.node.op_type == "Resize" and r.version >= 11:
        return r.done(r.version)
    scales = r.take("scales")
    name = r.node.input[1] if scales is None else r.constant(np.array(scales, np.float32))
    del r.node.input[1:]
    r.node.input.extend(["", name])
    r.set("coordinate_transformation_mode", "asymmetric")
    r.set("nearest_mode", "floor")
    return r.done(13, "Resize")


def _batch_norm(r: Rewriter) -> list[Versioned]:
    """With a single output it is inference, which has not changed since."""
    if r.version >= 14 or any(r.node.output[1:]) or r.take("spatial", 1) != 1:
        return r.done(r.version)
    del r.node.output[1:]
    return r.done(14)


def _softmax(r: Rewriter) -> list[Versioned]:
    """Before 13: over all of the dimensions from `axis` on, as if they were one."""
    if r.version >= 13:
        return r.done(r.version)
    shape = r.shape()
    axis = r.axis(1)
    r.set("axis", -1)
    if axis == len(shape) - 1:
        return r.done(13)
    name, output = describe(r.node), r.node.output[0]
    flat, over = f"{output}.flat", f"{output}.over"
    rows = np.array([math.prod(shape[:axis]), math.prod(shape[axis:])], np.int64)
    inputs = [r.node.input[0], r.constant(rows)]
    before = onnx.helper.make_node("Reshape", inputs, [flat], r.node.name or name)
    back = [over, r.constant(np.array(shape, np.int64))]
    after = onnx.helper.make_node("Reshape", back, [output], r.node.name or name)
    r.node.input[0], r.node.output[0] = flat, over
    return [(before, 13), *r.done(13), (after, 13)]


def _recurrent(r: Rewriter) -> list[Versioned]:
    """`hidden_size` may be left out: it is the last size of R."""
    if not any(a.name == "hidden_size" for a in r.node.attribute):
        r.set("hidden_size", r.shape(2)[-1])
    return r.done(r.version)


def _scatter(r: Rewriter) -> list[Versioned]:
    return r.done(13, "ScatterElements")


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

_RULES: dict[str, Callable[[Rewriter], list[Versioned]]] = {
    "Squeeze": _axes(13),
    "Unsqueeze": _axes(13),
    "ReduceSum": _axes(13),
    **{f"Reduce{kind}": _axes(18) for kind in _REDUCTIONS},
    "Slice": _slice,
    "Split": _split,
    "Pad": _pad,
    "Clip": _clip,
    "Dropout": _dropout,
    "TopK": _top_k,
    "Upsample": _resize,
    "Resize": _resize,
    "BatchNormalization": _batch_norm,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Hardmax": _softmax,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "Scatter": _scatter,
}


def modernise(
    node: NodeProto,
    version: int,
    lookup: Callable[[str], Value | None],
    constant: Callable[[np.ndarray], str],
) -> list[Versioned]:
    """The nodes, each with its since-version, that mean what an older node means.

    Args:
        node: the node as the model has it.
        version: since-version of its operator in the model's opset.
        lookup: name -> value.
        constant: array -> name of a new constant in the node's scope.

    Raises:
        ModelError: an axis is out of range, or a size does not divide.
        ShapeError: a rewrite needs a shape that depends on data.
    """
    rule = _RULES.get(node.op_type)
    if rule is None:
        return [(node, version)]
    return rule(Rewriter(node, version, lookup, constant))
