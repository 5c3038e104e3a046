"""Which instruction an operation of the npu dialect is: its name, kind and immediates."""

from __future__ import annotations

from rnncc.dialects import npu
from rnncc.dialects._activations import ACTIVATIONS
from rnncc.dialects._types import is_float


def instruction_form(op: npu.InstructionOp) -> tuple[str, str, tuple[float | int, ...]]:
    """Operation, kind and immediates of an instruction."""
    kind = op.properties["kind"].data if "kind" in op.WORDS else ""  # type: ignore[attr-defined]
    if isinstance(op, npu.MmOp):
        return ("mm" if op.accumulate is None else "mma"), "", ()
    if isinstance(op, npu.UnaryOp):
        alpha, beta = ACTIVATIONS.get(kind, (None, None))
        return (
            "unary",
            kind,
            (npu.number_value(op.alpha, alpha or 0.0), npu.number_value(op.beta, beta or 0.0)),
        )
    if isinstance(op, npu.CompareOp):
        return "cmp", kind, ()
    if isinstance(op, npu.ArgReduceOp):
        return kind, ("first" if op.select_last is None else "last"), ()
    if isinstance(op, npu.FillOp):
        return "fill", "", (_element_number(op, npu.number_value(op.value)),)
    if isinstance(op, npu.IotaOp):
        return "iota", "", (_element_number(op, npu.number_value(op.start, 0)),)
    if isinstance(op, npu.GatherOp):
        return "gather", "", (op.rows.value.data,)
    return op.name.removeprefix("npu."), kind, ()


def _element_number(op: npu.InstructionOp, value: float) -> float | int:
    """A number in the form that its element type takes."""
    return float(value) if is_float(npu.element_of(op.dst)) else int(value)
