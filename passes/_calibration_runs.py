"""Calibration inputs of `quantize`: read from files, and run through a module by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation

from rnncc.array_files import read_arrays
from rnncc.dialects import nn
from rnncc.errors import InputError, PassError, RnnccError
from rnncc.verify_each import relative_error


class Reach(Interpreter.Listener):
    """The largest magnitude of each product's operands in all runs that it listens to."""

    def __init__(self) -> None:
        self.largest: dict[Operation, list[float]] = {}

    def will_interpret_op(self, op: Operation, args: Any) -> None:
        """Note the operands of a product."""
        if isinstance(op, nn.MatmulOp | nn.ConvOp):
            found = [float(np.abs(a).max(initial=0)) for a in args[:2]]
            old = self.largest.get(op, [0.0, 0.0])
            self.largest[op] = [max(a, b) for a, b in zip(old, found, strict=True)]


@dataclass(frozen=True)
class CalibrationRuns:
    """Sets of inputs.

    Attributes:
        sets: file, and array by input name.
    """

    sets: tuple[tuple[str, dict[str, np.ndarray]], ...]

    @staticmethod
    def read(text: str) -> CalibrationRuns:
        """The files that an option names, separated by commas.

        Raises:
            PassError: a file is missing, no ``.npz`` of plain arrays, or has values that are not finite.
        """
        paths = [text] if Path(text).is_file() else [part.strip() for part in text.split(",")]
        return CalibrationRuns(tuple((path, _read(path)) for path in paths if path))

    def outputs(self, module: ModuleOp, reach: Reach | None = None) -> list[dict[str, np.ndarray]]:
        """Outputs of each set.

        Raises:
            PassError: a set does not fit the module; names its file.
        """
        from rnncc.interpreter import run

        listeners = (reach,) if reach is not None else ()
        results = []
        for path, inputs in self.sets:
            try:
                results.append(run(module, inputs, listeners=listeners))
            except RnnccError as error:
                message = f"quantize: calibration inputs '{path}': {error.message}"
                raise PassError(message, error.hint) from None
        return results


def _read(path: str) -> dict[str, np.ndarray]:
    cannot = f"quantize: cannot read calibration inputs '{path}'"
    try:
        arrays = read_arrays(path)
    except OSError as error:
        raise PassError(f"{cannot}: {error.strerror or error}") from None
    except InputError as error:
        raise PassError(f"{cannot}: {error.message}", error.hint) from None
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            # A range would be unbounded.
            raise PassError(f"{cannot}: '{name}' has values that are not finite")
    return arrays


def largest_error(
    before: Sequence[dict[str, np.ndarray]], after: Sequence[dict[str, np.ndarray]]
) -> float:
    """The largest difference of any output of any run, relative to the largest magnitude of that output."""
    pairs = ((b[name], a[name]) for b, a in zip(before, after, strict=True) for name in b)
    return max((relative_error(b, a) for b, a in pairs), default=0.0)
