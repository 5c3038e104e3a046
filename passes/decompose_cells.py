"""decompose-cells: the named cells become rnn.scan.

Needs: nothing. Ensures: no rnn.lstm, rnn.gru or rnn.elman is left. Exact, but for reassociation:
the two biases of a gate are added first, and GRU's (1 - z)*n + z*h is computed as n + z*(h - n).

Each step has one product of the input and one of the hidden state for all gates (GRU without
linear_before_reset: two of the hidden state), so that the first can be hoisted; gates that lie
side by side and share their activation are activated together.

Source: ONNX operator specification; ONNX Runtime where it is silent (no clip before activation h
of an LSTM, zeros as final state of a row of length 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i32
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import numpy_dtype, shape_of, symbols_of, type_of
from rnncc.dialects.rnn import (
    INDEX,
    CellOp,
    LstmOp,
    ScanOp,
    YieldOp,
    slice_type,
)
from rnncc.passes._cell_steps import STEPS, Step
from rnncc.passes._emit import Emitter, constant_of


@dataclass(frozen=True)
class DecomposeCellsPass(ModulePass):
    """rnn.lstm, rnn.gru, rnn.elman to rnn.scan of nn operations."""

    name = "decompose-cells"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Decompose every cell of the module."""
        for cell in [inner for inner in op.walk() if isinstance(inner, CellOp)]:
            _decompose(cell)


def _decompose(cell: CellOp) -> None:
    outer = Emitter(cell)
    steps, batch, _ = shape_of(cell.x)
    symbol = symbols_of(cell.x)[0]
    hidden = cell.hidden.value.data
    element = type_of(cell.x).element_type
    names = ("h0", "c0") if isinstance(cell, LstmOp) else ("h0",)
    given = [getattr(cell, name) for name in names]
    inits = [
        outer.constant(np.zeros((batch, hidden), numpy_dtype(element))) if v is None else v
        for v in given
    ]
    xt = slice_type(cell.x.type, steps, symbol)
    block = Block(arg_types=[INDEX, xt, *(v.type for v in inits)])
    for argument, hint in zip(block.args, ("t", "x", *(n[0] for n in names)), strict=True):
        argument.name_hint = hint
    step = Step(cell, outer, outer.inside(block))
    new = STEPS[type(cell)](step, block.args[1], list(block.args[2:]))
    stacked = [new[0]] if cell.y.first_use is not None else []
    block.add_op(YieldOp(*new, *stacked))
    reverse = cell.reverse is not None
    scan = ScanOp.make(
        [cell.x],
        inits,
        block,
        max_steps=steps,
        symbol=symbol,
        lens=cell.lens,
        input_reverse=[reverse],
        output_reverse=[reverse] * len(stacked),
    )
    outer.add(scan)
    finals = [_final(outer, cell, a, b) for a, b in zip(scan.states, given, strict=True)]
    for old, value in zip(
        cell.results[-len(finals) - len(stacked) :], [*scan.outputs, *finals], strict=True
    ):
        old.replace_all_uses_with(value)
        value.name_hint = value.name_hint or old.name_hint
    cell.detach()
    cell.erase()


def _final(emit: Emitter, cell: CellOp, state: SSAValue, init: SSAValue | None) -> SSAValue:
    """The final state, zero in rows without a valid step."""
    if cell.lens is None or init is None:
        return state
    lens = constant_of(cell.lens)
    if lens is not None and lens.min(initial=1) > 0:
        return state
    valid = emit(nn.CompareOp("gt", emit.unsqueeze(cell.lens, 1), emit.scalar(0, i32)))
    return emit(nn.SelectOp(valid, state, emit.scalar(0, type_of(state).element_type)))
