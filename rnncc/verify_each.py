"""``--verify-each``: after every pass, structure, dominance, and the same values as before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from xdsl.utils.exceptions import VerifyException

from rnncc.errors import PassError
from rnncc.random_inputs import random_inputs
from rnncc.verifier import verify_module

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-12}
"""Largest difference a reassociation may make, relative to the largest output, by element type."""

NEW_SIGNATURE = ("batch-sequences", "generate-tokens")
"""Passes that change what the inputs are."""


class VerifyEach:
    """Hooks for :class:`~rnncc.Pipeline` that interpret the module after each pass on one set of random inputs.

    The onnx dialect has no interpreter: values are compared from the first stage on that holds none of it.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed
        self.module: ModuleOp | None = None
        self.inputs: dict[str, np.ndarray] | None = None
        self.expected: dict[str, np.ndarray] | None = None
        self.previous = "import"
        self.approximate: list[str] = []

    def before(self, module_pass: ModulePass, module: ModuleOp) -> None:
        """Choose inputs while the module still says what its integers mean."""
        if self.module is not module:
            # A new run of the pipeline, which may have changed the signature in the one before.
            self.module, self.expected, self.approximate = module, None, []
            self.inputs = random_inputs(module, self.seed)

    def after(self, module_pass: ModulePass, module: ModuleOp) -> None:
        """Check the module that ``module_pass`` left.

        Raises:
            PassError: it is malformed, or its values differ from those before; names the pass and the output.
        """
        from rnncc.interpreter import run
        from rnncc.passes._approximate import approximations

        name = module_pass.name
        try:
            verify_module(module)
        except VerifyException as error:
            raise PassError(f"pass '{name}' left a module that does not verify: {error}") from error
        if any(op.name.startswith("onnx.") for op in module.walk()):
            return
        assert self.inputs is not None
        if name in NEW_SIGNATURE:
            # Nothing to compare with: start anew with inputs that fit.
            self.inputs, self.expected = random_inputs(module, self.seed), None
        outputs = run(module, self.inputs)
        noted = [text for op in module.body.block.ops for text in approximations(op)]
        # What an approximate pass changes is within its threshold, not within rounding.
        changed, self.approximate = noted != self.approximate, noted
        if self.expected is not None and not changed:
            for key, expected in self.expected.items():
                self._compare(name, key, expected, outputs.get(key))
        self.expected, self.previous = outputs, name

    def _compare(self, name: str, key: str, expected: np.ndarray, got: np.ndarray | None) -> None:
        problem = difference(expected, got)
        if problem:
            raise PassError(
                f"pass '{name}' changed output '{key}' against the stage after '{self.previous}': {problem}"
            )


def difference(
    expected: np.ndarray, got: np.ndarray | None, tolerance: float | None = None
) -> str | None:
    """What differs between two arrays beyond ``tolerance`` (default: by element type); None when nothing does."""
    if got is None:
        return "it is gone"
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return f"{expected.dtype}{list(expected.shape)} became {got.dtype}{list(got.shape)}"
    if expected.dtype.kind in "iub":
        wrong = int(np.count_nonzero(expected != got))
        return f"{wrong} of {expected.size} elements differ" if wrong else None
    limit = TOLERANCE[expected.dtype.name] if tolerance is None else tolerance
    error = relative_error(expected, got)
    return None if error <= limit else f"relative error {error:.3g} (allowed {limit:.3g})"


def relative_error(expected: np.ndarray, got: np.ndarray) -> float:
    """Largest difference, relative to the largest finite magnitude expected; inf where infinities or NaN disagree."""
    if expected.size == 0:
        return 0.0
    a, b = expected.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)) or not np.array_equal(
        a[~finite], b[~finite], equal_nan=True
    ):
        return float("inf")
    a, b = a[finite], b[finite]
    worst = float(np.abs(a - b).max(initial=0.0))
    scale = float(np.abs(a).max(initial=0.0))
    return worst if scale == 0.0 else worst / scale
