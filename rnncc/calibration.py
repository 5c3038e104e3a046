"""What an approximate pipeline costs in accuracy and gains in cycles, measured on inputs the user gives.

The model is compiled once more without the approximate passes, both programs run on the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.reference import compare

if TYPE_CHECKING:
    from rnncc.compiler import Compilation
    from rnncc.program import Program


@dataclass
class Calibration:
    """Both programs on the calibration inputs.

    Attributes:
        cycles, reference_cycles: of each run, with and without the approximate passes.
        errors: by output, the largest difference of any run relative to the largest magnitude of that run.
        choices: by float output with more than one element on its last axis, in how many of its
            places the largest element of the last axis (the class) is the same, and of how many.
        skipped, steps: of all gates in all runs.
    """

    cycles: list[int] = field(default_factory=list)
    reference_cycles: list[int] = field(default_factory=list)
    errors: dict[str, float] = field(default_factory=dict)
    choices: dict[str, tuple[int, int]] = field(default_factory=dict)
    skipped: int = 0
    steps: int = 0

    @property
    def speedup(self) -> float:
        """How many times fewer cycles all runs take together."""
        return sum(self.reference_cycles) / sum(self.cycles) if sum(self.cycles) else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "cycles": self.cycles,
            "reference_cycles": self.reference_cycles,
            "errors": self.errors,
            "same_choice": {name: list(pair) for name, pair in self.choices.items()},
            "skipped": self.skipped,
            "steps": self.steps,
        }

    def __str__(self) -> str:
        runs = len(self.cycles)
        lines = [
            f"calibration on {runs} run{'s' if runs != 1 else ''}: {sum(self.reference_cycles):,} cycles "
            f"became {sum(self.cycles):,} ({self.speedup:.2f} times as fast), "
            f"{self.skipped} of {self.steps} steps skipped"
        ]
        for name, error in self.errors.items():
            same, places = self.choices.get(name, (0, 0))
            choice = f", the same largest element in {same} of {places}" if places else ""
            lines.append(f"  {name}: relative error {error:.2g}{choice}")
        return "\n".join(lines)


def calibrate(
    compilation: Compilation,
    program: Program,
    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
) -> Calibration:
    """Measure a program against the same model compiled without the approximate passes.

    Args:
        compilation: that made `program`.
        inputs: arrays by input name, or several such sets.

    Raises:
        InputError: an input does not fit the program.
    """
    from rnncc.compiler import Compilation
    from rnncc.passes._approximate import APPROXIMATE_PASSES

    plain = Compilation(
        compilation.model,
        target=compilation.machine,
        pipeline=compilation.pipeline.without(APPROXIMATE_PASSES),
        shapes=compilation.shapes,
        numerics=compilation.numerics,
        values=compilation.values,
        dynamic=compilation.dynamic,
        generate=compilation.generate,
    ).program()
    result = Calibration()
    for given in [inputs] if isinstance(inputs, Mapping) else inputs:
        ours, theirs = program.run(given), plain.run(given)
        assert ours.cycles is not None and theirs.cycles is not None
        result.cycles.append(ours.cycles)
        result.reference_cycles.append(theirs.cycles)
        for gate in ours.report.skipped:
            result.skipped += gate.skipped
            result.steps += gate.steps
        for row in compare(theirs.outputs, ours.outputs):
            result.errors[row.name] = max(result.errors.get(row.name, 0.0), row.error)
        for name, expected in theirs.outputs.items():
            if expected.dtype.kind == "f" and expected.ndim and expected.shape[-1] > 1:
                same = expected.argmax(-1) == ours.outputs[name].argmax(-1)
                before = result.choices.get(name, (0, 0))
                result.choices[name] = (before[0] + int(np.sum(same)), before[1] + same.size)
    return result
