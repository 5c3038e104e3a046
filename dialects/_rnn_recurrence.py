"""What ``rnn.scan`` and ``rnn.while`` share: a step that carries states and yields slices of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, BlockArgument, OpResult, Region, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._rnn_scan_types import same_types, stacked_type
from rnncc.dialects._rnn_yield import YieldOp, yield_of

INDEX = TensorType(i64, [])
"""The type of the step number."""


class RecurrenceOp(IRDLOperation):
    """A step that runs again and again; its first argument is its number, its last ones are the states.

    The fields are those of the subclasses, which say in which order their text and results have them.
    """

    if TYPE_CHECKING:
        inits: Sequence[SSAValue]
        steps: SSAValue | None
        max_steps: IntegerAttr
        states: Sequence[OpResult]
        outputs: Sequence[OpResult]
        body: Region

    @property
    def count(self) -> int:
        """``max_steps`` as an integer."""
        return self.max_steps.value.data

    @property
    def index(self) -> BlockArgument:
        """The step number in the step's region."""
        return self.body.block.args[0]

    @property
    def terminator(self) -> YieldOp:
        """The ``rnn.yield`` of the step."""
        return yield_of(self.body, f"the step of {self.name}")

    @property
    def yielded_states(self) -> tuple[SSAValue, ...]:
        """The new states that the step yields."""
        return tuple(self.terminator.arguments[: len(self.inits)])

    @property
    def yielded_outputs(self) -> tuple[SSAValue, ...]:
        """The output slices that the step yields."""
        return tuple(self.terminator.arguments[len(self.inits) :])

    def verify_counts(self) -> None:
        """The number of steps; VerifyException when it is negative or of another type than the index."""
        if self.count < 0:
            raise VerifyException(f"{self.name} max_steps must not be negative")
        if self.steps is not None and self.steps.type != INDEX:
            raise VerifyException(f"{self.name} steps must be {INDEX}, not {self.steps.type}")

    def verify_values(self, symbol: str) -> None:
        """The types of states and outputs, of which a run has `symbol` rows; VerifyException when they differ."""
        states: list[Attribute] = [v.type for v in self.inits]
        same_types("yielded state", [v.type for v in self.yielded_states], states, self.name)
        same_types("final state", [v.type for v in self.states], states, self.name)
        wanted = [stacked_type(v.type, self.count, symbol) for v in self.yielded_outputs]
        same_types("output", [v.type for v in self.outputs], wanted, self.name)
