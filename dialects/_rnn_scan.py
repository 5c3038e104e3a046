"""``rnn.scan``, the one structured recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    StringAttr,
    TensorType,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, BlockArgument, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    AttrSizedResultSegments,
    irdl_op_definition,
    opt_operand_def,
    prop_def,
    region_def,
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
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects import _rnn_scan_text as text
from rnncc.dialects._rnn_recurrence import INDEX, RecurrenceOp
from rnncc.dialects._rnn_scan_types import flags, same_types, slice_type, stacked_type
from rnncc.dialects._rnn_yield import YieldOp, yield_of


class _ScanCanonicalization(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from rnncc.dialects._rnn_canonicalize import SCAN_PATTERNS

        return SCAN_PATTERNS


@irdl_op_definition
class ScanOp(RecurrenceOp):
    """Run a step over the slices of the inputs, carrying states, stacking outputs.

    For step t of 0..n-1: the region gets (t, slice of each input, states) and yields
    (new states, a slice of each output). Input slices are ``input[t]``, or ``input[n-1-t]`` where
    ``input_reverse``; output slices go to ``output[t]``, or ``output[n-1-t]`` where
    ``output_reverse``. n is the actual length of ``symbol``, or ``max_steps`` without one, or
    the value of ``steps``; what is not reached of the outputs is zero. Values from outside the
    region may be used in it.

    With ``lens``, axis 0 of every state, slice and output slice is the batch: row b is frozen from
    step ``lens[b]`` on, its outputs there are zero, and reversed inputs and outputs run from the
    row's own last element. ``lens`` and ``steps`` exclude one another.
    """

    name = "rnn.scan"

    inputs = var_operand_def(TensorType)
    """Sequences, time first: [T, ...]."""
    inits = var_operand_def(TensorType)
    """The states before the first step."""
    lens = opt_operand_def(TensorType)
    """Valid steps of each row, i32 [B]."""
    steps = opt_operand_def(TensorType)
    """Steps to run, a scalar i64 tensor, at most ``max_steps`` (more or fewer are clamped)."""

    input_reverse = prop_def(DenseArrayBase.constr(i1))
    """For each input whether it is read from its end (i1)."""
    output_reverse = prop_def(DenseArrayBase.constr(i1))
    """For each output whether it is written from its end (i1)."""
    max_steps = prop_def(IntegerAttr)
    """The number of steps, or its maximum (i64)."""
    symbol = prop_def(StringAttr)
    """The symbol that the number of steps follows; empty when it is static."""

    states = var_result_def(TensorType)
    """The states after the last step."""
    outputs = var_result_def(TensorType)
    """The stacked outputs, time first: [T, ...]."""

    body = region_def("single_block")
    """The step: (index, input slices..., states...) -> (states..., output slices...)."""

    irdl_options = (
        AttrSizedOperandSegments(as_property=True),
        AttrSizedResultSegments(as_property=True),
    )
    traits = traits_def(
        SingleBlockImplicitTerminator(YieldOp),
        RecursiveMemoryEffect(),
        _ScanCanonicalization(),
    )

    @classmethod
    def make(
        cls,
        inputs: Sequence[SSAValue],
        inits: Sequence[SSAValue],
        body: Region | Block,
        *,
        max_steps: int,
        symbol: str = "",
        lens: SSAValue | None = None,
        steps: SSAValue | None = None,
        input_reverse: Sequence[bool] | None = None,
        output_reverse: Sequence[bool] | None = None,
    ) -> Self:
        """Build a scan from a finished step; output types follow from what the step yields.

        Args:
            body: the step, ended by ``rnn.yield``.
            input_reverse: default none reversed.
            output_reverse: default none reversed.
        """
        slices = yield_of(body, "the step of rnn.scan").arguments[len(inits) :]
        return cls.build(
            operands=[list(inputs), list(inits), lens, steps],
            properties={
                "input_reverse": flags(input_reverse or [False] * len(inputs)),
                "output_reverse": flags(output_reverse or [False] * len(slices)),
                "max_steps": IntegerAttr(max_steps, i64),
                "symbol": StringAttr(symbol),
            },
            result_types=[
                [v.type for v in inits],
                [stacked_type(v.type, max_steps, symbol) for v in slices],
            ],
            regions=[body if isinstance(body, Region) else Region(body)],
        )

    @property
    def input_flags(self) -> tuple[bool, ...]:
        """``input_reverse`` as booleans."""
        return tuple(bool(v) for v in self.input_reverse.get_values())

    @property
    def output_flags(self) -> tuple[bool, ...]:
        """``output_reverse`` as booleans."""
        return tuple(bool(v) for v in self.output_reverse.get_values())

    @property
    def slice_args(self) -> tuple[BlockArgument, ...]:
        """The region's arguments that are the inputs' slices."""
        return tuple(self.body.block.args[1 : 1 + len(self.inputs)])

    @property
    def state_args(self) -> tuple[BlockArgument, ...]:
        """The region's arguments that are the states."""
        return tuple(self.body.block.args[1 + len(self.inputs) :])

    def verify_(self) -> None:
        self.verify_counts()
        if self.lens is not None and self.steps is not None:
            raise VerifyException("rnn.scan takes lens or steps, not both")
        for name, found, count in (
            ("input_reverse", self.input_flags, len(self.inputs)),
            ("output_reverse", self.output_flags, len(self.outputs)),
        ):
            if len(found) != count:
                raise VerifyException(f"rnn.scan {name} has {len(found)} flags for {count} values")
        slices = [slice_type(v.type, self.count, self.symbol.data) for v in self.inputs]
        arguments = [INDEX, *slices, *(v.type for v in self.inits)]
        same_types("region argument", [a.type for a in self.body.block.args], arguments, self.name)
        self.verify_values(self.symbol.data)
        if self.lens is not None:
            carried = (*self.inits, *self.yielded_outputs)
            self._verify_rows(self.lens.type, [*slices, *(v.type for v in carried)])

    def _verify_rows(self, lens: Attribute, rows: Sequence[Attribute]) -> None:
        if not (
            isinstance(lens, TensorType) and lens.element_type == i32 and lens.get_num_dims() == 1
        ):
            raise VerifyException(f"rnn.scan lens must be i32 [B], not {lens}")
        for row in rows:
            shape = row.get_shape() if isinstance(row, TensorType) else ()
            if shape[:1] != lens.get_shape():
                raise VerifyException(f"rnn.scan with lens {lens} needs the batch first, not {row}")

    def print(self, printer: Printer) -> None:
        text.print_scan(self, printer)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        return text.parse_scan(cls, parser, slice_type)
