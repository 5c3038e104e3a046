"""Which inputs of a model are lengths of sequences, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue

from rnncc.dialects._types import shape_of, symbols_of

TRANSPARENT = {
    "onnx.Cast",
    "onnx.Reshape",
    "onnx.Squeeze",
    "onnx.Unsqueeze",
    "onnx.Transpose",
    "onnx.Identity",
    "onnx.Flatten",
    "onnx.Expand",
    "onnx.Slice",
    "onnx.Concat",
    "nn.cast",
    "nn.reshape",
    "nn.transpose",
    "nn.slice",
    "nn.concat",
    # Rows of a batch in another order (batch-sequences).
    "nn.gather",
}
"""Operators through which a number stays the same number."""


def uses_through(value: SSAValue) -> Iterator[tuple[Operation, int]]:
    """Every use of a value (operation, operand number), also behind operators that only move its elements."""
    pending, seen = [value], set()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for use in current.uses:
            yield use.operation, use.index
            if use.operation.name in TRANSPARENT and use.index == 0:
                pending.extend(use.operation.results)


def time_of_lengths(op: Operation, index: int) -> tuple[int, str] | None:
    """When operand ``index`` is the lengths of a recurrence's sequences: its time (maximum, symbol or "")."""
    if op.name.startswith("rnn."):
        return _time_of_rows(op, index)
    if op.name not in ("onnx.LSTM", "onnx.GRU", "onnx.RNN"):
        return None
    lengths = getattr(op, "sequence_lens", None)
    if lengths is None or op.operands[index] is not lengths:
        return None
    layout = op.properties.get("layout")
    axis = 1 if isinstance(layout, IntegerAttr) and layout.value.data else 0
    return shape_of(op.operands[0])[axis], symbols_of(op.operands[0])[axis]


def _time_of_rows(op: Operation, index: int) -> tuple[int, str] | None:
    from rnncc.dialects.rnn import CellOp, ScanOp

    if not isinstance(op, (CellOp, ScanOp)) or op.lens is not op.operands[index]:
        return None
    if isinstance(op, ScanOp):
        return op.count, op.symbol.data
    return shape_of(op.x)[0], symbols_of(op.x)[0]


def length_inputs(function: func.FuncOp, names: list[str]) -> dict[str, tuple[int, str]]:
    """The inputs that are lengths: name -> the time that bounds them (maximum, symbol or "").

    Args:
        function: ``@main`` in the onnx dialect.
        names: of its arguments.
    """
    found = {}
    for name, argument in zip(names, function.body.block.args, strict=True):
        times = [t for use in uses_through(argument) if (t := time_of_lengths(*use)) is not None]
        if times:
            found[name] = min(times)
    return found
