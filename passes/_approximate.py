"""Passes that change values within a threshold: how a program says that one of them was at work."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Operation

APPROXIMATE_PASSES = ("gate-frames", "quantize")
"""The passes that do so."""
APPROXIMATE = "rnncc.approximate"
"""Attribute of a function: the texts of the passes that changed its values."""


def note_approximation(function: func.FuncOp, text: str) -> None:
    """Say that a pass (its text with options) has changed what a function computes."""
    old = function.attributes.get(APPROXIMATE)
    notes = list(old.data) if isinstance(old, ArrayAttr) else []
    if StringAttr(text) not in notes:
        function.attributes[APPROXIMATE] = ArrayAttr([*notes, StringAttr(text)])


def approximations(function: Operation) -> list[str]:
    """The passes that have changed what a function computes."""
    notes = function.attributes.get(APPROXIMATE)
    return (
        [n.data for n in notes if isinstance(n, StringAttr)] if isinstance(notes, ArrayAttr) else []
    )
