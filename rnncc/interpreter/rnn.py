"""NumPy semantics of the rnn dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    ReturnedValues,
    TerminatorValue,
    impl,
    impl_terminator,
    register_impls,
)

from rnncc.dialects._types import numpy_dtype, shape_of, tensor_type, type_of
from rnncc.dialects.rnn import CellOp, ElmanOp, GruOp, IfOp, LstmOp, ScanOp, WhileOp, YieldOp
from rnncc.interpreter.cells import Operands, run_cell
from rnncc.interpreter.lengths import Lengths

Values = tuple[Any, ...]


@register_impls
@dataclass
class RnnFunctions(InterpreterFunctions):
    """The rnn dialect for a run with given lengths; arrays have their actual shapes."""

    lengths: Lengths

    @impl(LstmOp)
    def lstm(self, interpreter: Interpreter, op: LstmOp, args: Values) -> Values:
        """See run_cell."""
        return _cell(op, args)

    @impl(GruOp)
    def gru(self, interpreter: Interpreter, op: GruOp, args: Values) -> Values:
        """See run_cell."""
        return _cell(op, args)

    @impl(ElmanOp)
    def elman(self, interpreter: Interpreter, op: ElmanOp, args: Values) -> Values:
        """See run_cell."""
        return _cell(op, args)

    @impl_terminator(YieldOp)
    def yield_(
        self, interpreter: Interpreter, op: YieldOp, args: Values
    ) -> tuple[TerminatorValue, Values]:
        """Hand the step's states and outputs to the scan."""
        return ReturnedValues(args), ()

    @impl(IfOp)
    def if_(self, interpreter: Interpreter, op: IfOp, args: Values) -> Values:
        """Run the region that the condition chooses."""
        region = op.then_region if bool(args[0]) else op.else_region
        return interpreter.run_ssacfg_region(region, (), "if")

    @impl(ScanOp)
    def scan(self, interpreter: Interpreter, op: ScanOp, args: Values) -> Values:
        """Run the region step by step; with lens, rows freeze one by one."""
        inputs, rest = args[: len(op.inputs)], args[len(op.inputs) :]
        states, extra = list(rest[: len(op.inits)]), rest[len(op.inits) :]
        whole = self.lengths.shape(tensor_type(i64, [op.count], [op.symbol.data]))[0]
        lens = np.clip(extra[0], 0, whole) if op.lens is not None else None
        count = int(np.clip(extra[0], 0, whole)) if op.steps is not None else whole
        outputs = [
            np.zeros(self.lengths.shape(v), numpy_dtype(type_of(v).element_type))
            for v in op.outputs
        ]
        for t in range(count):
            slices = [
                _take(value, t, count, reverse, lens)
                for value, reverse in zip(inputs, op.input_flags, strict=True)
            ]
            made = interpreter.run_ssacfg_region(
                op.body, (np.asarray(t, np.int64), *slices, *states), "scan"
            )
            new, stacked = made[: len(states)], made[len(states) :]
            states = [_freeze(a, b, t, lens) for a, b in zip(new, states, strict=True)]
            for out, value, reverse in zip(outputs, stacked, op.output_flags, strict=True):
                _put(out, value, t, count, reverse, lens)
        return (*states, *outputs)

    @impl(WhileOp)
    def while_(self, interpreter: Interpreter, op: WhileOp, args: Values) -> Values:
        """Test, run the step, and so on; at most the given number of steps."""
        states = list(args[: len(op.inits)])
        limit = op.count if op.steps is None else int(np.clip(args[-1], 0, op.count))
        outputs = [np.zeros(shape_of(v), numpy_dtype(type_of(v).element_type)) for v in op.outputs]
        done = 0
        while done < limit:
            given = (np.asarray(done, np.int64), *states)
            (again,) = interpreter.run_ssacfg_region(op.condition, given, "condition")
            if not np.asarray(again).item():
                break
            made = interpreter.run_ssacfg_region(op.body, given, "step")
            states = list(made[: len(states)])
            for out, value in zip(outputs, made[len(states) :], strict=True):
                out[done] = value
            done += 1
        return (*states, np.asarray(done, np.int64), *outputs)


def _cell(op: CellOp, args: Values) -> Values:
    names = ["x", "w", "r", *(n for n in op.OPTIONAL if getattr(op, n) is not None)]
    return run_cell(op, Operands(**dict(zip(names, args, strict=True))))


def _take(
    value: np.ndarray, t: int, count: int, reverse: bool, lens: np.ndarray | None
) -> np.ndarray:
    if not reverse:
        return value[t]
    if lens is None:
        return value[count - 1 - t]
    # What a frozen row reads does not matter.
    return value[np.maximum(lens - 1 - t, 0), np.arange(len(lens))]


def _freeze(new: np.ndarray, old: np.ndarray, t: int, lens: np.ndarray | None) -> np.ndarray:
    if lens is None:
        return new
    return np.where((t < lens).reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _put(
    out: np.ndarray,
    value: np.ndarray,
    t: int,
    count: int,
    reverse: bool,
    lens: np.ndarray | None,
) -> None:
    if lens is None:
        out[count - 1 - t if reverse else t] = value
        return
    rows = np.flatnonzero(t < lens)
    out[lens[rows] - 1 - t if reverse else t, rows] = value[rows]
