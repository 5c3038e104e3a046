"""The one family of errors that rnncc raises on a user's mistake or a model it cannot take."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RnnccError(Exception):
    """Base of every expected error.

    Args:
        message: what is wrong, naming the thing (node, operation, option, file).
        hint: the way out, when there is one.
    """

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class ModelError(RnnccError):
    """The ONNX model is malformed, incomplete or outside its own specification."""


class UnsupportedError(RnnccError):
    """The model is valid but asks for something rnncc does not do; names the node and the reason."""


class DynamicTimeError(UnsupportedError):
    """An operation cannot be kept exact for a run-time length; the model must be compiled for one length."""


class ShapeError(RnnccError):
    """A shape is missing, wrong or contradictory."""


class InputError(RnnccError):
    """Run-time inputs do not fit the program's signature."""


class MachineError(RnnccError):
    """A machine description is missing, mistyped or impossible."""


class CapacityError(RnnccError):
    """Something does not fit any memory, or an instruction field, of the machine."""


class PassError(RnnccError):
    """A pass or a pipeline is named or used wrongly, or a pass broke the program (``--verify-each``)."""


class AssemblyError(RnnccError):
    """Assembler text is wrong; the message carries the line."""


class ProgramError(RnnccError):
    """A program file is corrupt, hostile or of another version."""


class SimulationError(RnnccError):
    """A program did something a machine refuses: address out of range, endless loop, missing weights."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The hint ``did you mean ...?`` for a mistyped name, or None when nothing is near."""
    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else None
