"""``rnn.while``, the recurrence whose number of steps its own values decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Block, BlockArgument, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    AttrSizedResultSegments,
    irdl_op_definition,
    opt_operand_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import (
    HasCanonicalizationPatternsTrait,
    RecursiveMemoryEffect,
    SingleBlockImplicitTerminator,
)

from rnncc.dialects import _rnn_while_text as text
from rnncc.dialects._rnn_if import CONDITION
from rnncc.dialects._rnn_recurrence import INDEX, RecurrenceOp
from rnncc.dialects._rnn_scan_types import same_types, stacked_type
from rnncc.dialects._rnn_yield import YieldOp, yield_of


class _WhileCanonicalization(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from rnncc.dialects._rnn_canonicalize import WHILE_PATTERNS

        return WHILE_PATTERNS


@irdl_op_definition
class WhileOp(RecurrenceOp):
    """Run a step while a condition on the states holds, at most so often, stacking outputs.

    Before step t = 0, 1, ... the condition gets (t, states) and yields an i1; when it is false, or
    t has reached ``steps`` (``max_steps`` without), the loop is over. Else the step gets
    (t, states) and yields (new states, a slice of each output, which becomes ``output[t]``).
    ``done`` is the number of steps that ran; what is not reached of the outputs is zero. Values from
    outside the regions may be used in them.
    """

    name = "rnn.while"

    inits = var_operand_def(TensorType)
    """The states before the first step."""
    steps = opt_operand_def(TensorType)
    """Steps to run at most, a scalar i64 tensor; below 0 counts as 0, above ``max_steps`` as that."""

    max_steps = prop_def(IntegerAttr)
    """Steps to run at most, at compile time (i64)."""

    states = var_result_def(TensorType)
    """The states after the last step."""
    done = result_def(TensorType)
    """How many steps ran, a scalar i64 tensor."""
    outputs = var_result_def(TensorType)
    """The stacked outputs, step first: [max_steps, ...]."""

    condition = region_def("single_block")
    """Whether to go on: (index, states...) -> i1."""
    body = region_def("single_block")
    """The step: (index, states...) -> (states..., output slices...)."""

    irdl_options = (
        AttrSizedOperandSegments(as_property=True),
        AttrSizedResultSegments(as_property=True),
    )
    traits = traits_def(
        SingleBlockImplicitTerminator(YieldOp),
        RecursiveMemoryEffect(),
        _WhileCanonicalization(),
    )

    @classmethod
    def make(
        cls,
        inits: Sequence[SSAValue],
        condition: Region | Block,
        body: Region | Block,
        *,
        max_steps: int,
        steps: SSAValue | None = None,
    ) -> Self:
        """Build a while from finished regions; output types follow from what the step yields."""
        slices = yield_of(body, "the step of rnn.while").arguments[len(inits) :]
        return cls.build(
            operands=[list(inits), steps],
            properties={"max_steps": IntegerAttr(max_steps, i64)},
            result_types=[
                [v.type for v in inits],
                INDEX,
                [stacked_type(v.type, max_steps, "") for v in slices],
            ],
            regions=[r if isinstance(r, Region) else Region(r) for r in (condition, body)],
        )

    @property
    def state_args(self) -> tuple[BlockArgument, ...]:
        """The step's arguments that are the states."""
        return tuple(self.body.block.args[1:])

    @property
    def tested(self) -> tuple[BlockArgument, ...]:
        """The condition's arguments that are the states."""
        return tuple(self.condition.block.args[1:])

    @property
    def test(self) -> YieldOp:
        """The ``rnn.yield`` of the condition."""
        return yield_of(self.condition, "the condition of rnn.while")

    # As in rnn.scan, which reads and writes more: what lowers a step lowers both.

    @property
    def inputs(self) -> tuple[SSAValue, ...]:
        """None: a step reads what it needs by its number."""
        return ()

    @property
    def slice_args(self) -> tuple[BlockArgument, ...]:
        """None."""
        return ()

    @property
    def input_flags(self) -> tuple[bool, ...]:
        """None."""
        return ()

    @property
    def output_flags(self) -> tuple[bool, ...]:
        """No output is written from its end."""
        return (False,) * len(self.outputs)

    def verify_(self) -> None:
        self.verify_counts()
        states = [v.type for v in self.inits]
        for which, region in (("condition", self.condition), ("step", self.body)):
            found = [a.type for a in region.block.args]
            same_types(f"{which} argument", found, [INDEX, *states], self.name)
        same_types("condition", [v.type for v in self.test.arguments], [CONDITION], self.name)
        same_types("number of steps", [self.done.type], [INDEX], self.name)
        self.verify_values("")

    def print(self, printer: Printer) -> None:
        text.print_while(self, printer)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        return text.parse_while(cls, parser)
