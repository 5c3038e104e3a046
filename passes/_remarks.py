"""What a transformation did to a function and what it declined, for ``rnncc compile --explain``."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Operation

from rnncc.dialects._types import node_name

REMARKS = "rnncc.remarks"
"""Attribute of a function: an array of strings ``pass: text``, oldest first."""


def remark(where: Operation, name: str, text: str) -> None:
    """Note ``name: text`` on the function around an operation; the same note is made once."""
    function: Operation | None = where
    while function is not None and not isinstance(function, func.FuncOp):
        function = function.parent_op()
    if function is None:
        return
    old = function.attributes.get(REMARKS)
    notes = list(old.data) if isinstance(old, ArrayAttr) else []
    note = StringAttr(f"{name}: {text}")
    if note not in notes:
        function.attributes[REMARKS] = ArrayAttr([*notes, note])


def remarks_of(function: Operation) -> list[str]:
    """The notes on a function."""
    notes = function.attributes.get(REMARKS)
    if not isinstance(notes, ArrayAttr):
        return []
    return [note.data for note in notes if isinstance(note, StringAttr)]


def title(op: Operation) -> str:
    """How a remark names an operation: by its ONNX node where that is known."""
    name = node_name(op)
    return f"'{name}'" if name else "a recurrence without a name"


def titles(ops: list[Operation]) -> str:
    """Several names, each once."""
    return ", ".join(dict.fromkeys(title(op) for op in ops))
