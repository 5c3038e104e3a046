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

from collections.abc import Callable
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
    ElmanOp,
    GruOp,
    LstmOp,
    ScanOp,
    YieldOp,
    slice_type,
    takes_alpha,
    takes_beta,
)
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
    step = _Step(cell, outer, outer.inside(block))
    new = _STEPS[type(cell)](step, block.args[1], list(block.args[2:]))
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


class _Step:
    """What the steps of the three cells share: operands, bias, products, clip, activations."""

    def __init__(self, cell: CellOp, outer: Emitter, inner: Emitter):
        self.cell, self.outer, self.inner = cell, outer, inner
        self.hidden = cell.hidden.value.data
        self.element = type_of(cell.x).element_type
        self.functions = cell.activation_list()
        self.bound = None
        if cell.clip is not None:
            bound = cell.clip.value.data
            self.bound = [outer.scalar(v, self.element) for v in (-bound, bound)]

    def bias(self, start: int, gates: int, which: str = "both") -> SSAValue | None:
        """The bias of `gates` gates from gate `start`: ``both`` added, or ``w`` or ``r`` alone."""
        if self.cell.bias is None:
            return None
        half, size = self.cell.GATES * self.hidden, gates * self.hidden
        offsets = [h for h, w in ((0, "w"), (half, "r")) if which in (w, "both")]
        parts = [self.outer.part(self.cell.bias, 0, start * self.hidden + h, size) for h in offsets]
        if len(parts) == 1:
            return parts[0]
        arrays = [a for a in map(constant_of, parts) if a is not None]
        if len(arrays) == 2:
            return self.outer.constant(arrays[0] + arrays[1])
        return self.outer.binary("add", *parts)

    def project(self, x: SSAValue, bias: SSAValue | None) -> SSAValue:
        """The product of the step's input with all input weights, and the bias."""
        product = self.inner(nn.MatmulOp(x, self.cell.w, transpose_b=True))
        return product if bias is None else self.inner.binary("add", product, bias)

    def recur(self, h: SSAValue, start: int, gates: int) -> SSAValue:
        """The product of a hidden state with the recurrence weights of some gates."""
        rows = self.outer.part(self.cell.r, 0, start * self.hidden, gates * self.hidden)
        return self.inner(nn.MatmulOp(h, rows, transpose_b=True))

    def gates(self, values: SSAValue, start: int, count: int = 1) -> SSAValue:
        """Gates ``start .. start+count-1`` of values [B, n*h]."""
        return self.inner.part(values, 1, start * self.hidden, count * self.hidden)

    def clip(self, v: SSAValue) -> SSAValue:
        """v bounded to the clip, when there is one."""
        if self.bound is None:
            return v
        low, high = self.bound
        return self.inner.binary("min", self.inner.binary("max", v, low), high)

    def activate(self, which: int, v: SSAValue) -> SSAValue:
        """Activation number `which` of v."""
        kind, alpha, beta = self.functions[which]
        return self.inner(
            nn.UnaryOp(
                kind, v, alpha if takes_alpha(kind) else None, beta if takes_beta(kind) else None
            )
        )


def _lstm(step: _Step, x: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
    cell, emit = step.cell, step.inner
    assert isinstance(cell, LstmOp)
    h, c = states
    whole = emit.binary("add", step.project(x, step.bias(0, 4)), step.recur(h, 0, 4))
    if cell.peephole is not None:
        i, o, forget, g = _with_peepholes(step, whole, c)
    else:
        whole = step.clip(whole)
        o = None
        if step.functions[0] == step.functions[1]:
            done = step.activate(0, whole)
            g = step.gates(done, 3)
        else:
            # Without a forget gate of its own, i and o are all that f activates.
            done = step.activate(0, step.gates(whole, 0, 2 if cell.input_forget else 3))
            g = step.activate(1, step.gates(whole, 3))
        i, o = step.gates(done, 0), step.gates(done, 1)
        forget = None if cell.input_forget else step.gates(done, 2)
    if forget is None:
        forget = emit.binary("sub", step.outer.scalar(1, step.element), i)
    new = emit.binary("add", emit.binary("mul", forget, c), emit.binary("mul", i, g))
    if callable(o):
        o = o(new)
    return [emit.binary("mul", o, step.activate(2, new)), new]


def _with_peepholes(
    step: _Step, whole: SSAValue, c: SSAValue
) -> tuple[SSAValue, Callable[[SSAValue], SSAValue], SSAValue | None, SSAValue]:
    """i, o as a function of the new cell state, the forget gate (None with input_forget), g."""
    cell = step.cell
    assert isinstance(cell, LstmOp) and cell.peephole is not None
    weights = [step.outer.part(cell.peephole, 0, k * step.hidden, step.hidden) for k in range(3)]

    def gate(number: int, weight: SSAValue, state: SSAValue) -> SSAValue:
        seen = step.inner.binary("mul", state, weight)
        total = step.inner.binary("add", step.gates(whole, number), seen)
        return step.activate(0, step.clip(total))

    i = gate(0, weights[0], c)
    forget = None if cell.input_forget else gate(2, weights[2], c)
    g = step.activate(1, step.clip(step.gates(whole, 3)))
    return i, lambda new: gate(1, weights[1], new), forget, g


def _gru(step: _Step, x: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
    cell, emit = step.cell, step.inner
    assert isinstance(cell, GruOp)
    (h,) = states
    if cell.linear_before_reset:
        inputs = step.project(x, _gru_bias(step))
        products = step.recur(h, 0, 3)
        early = step.gates(products, 0, 2)
    else:
        inputs = step.project(x, step.bias(0, 3))
        products = early = step.recur(h, 0, 2)
    both = step.activate(0, step.clip(emit.binary("add", step.gates(inputs, 0, 2), early)))
    z, r = step.gates(both, 0), step.gates(both, 1)
    if cell.linear_before_reset:
        late = step.gates(products, 2)
        if (bias := step.bias(2, 1, "r")) is not None:
            late = emit.binary("add", late, bias)
        late = emit.binary("mul", r, late)
    else:
        late = step.recur(emit.binary("mul", r, h), 2, 1)
    n = step.activate(1, step.clip(emit.binary("add", step.gates(inputs, 2), late)))
    return [emit.binary("add", n, emit.binary("mul", z, emit.binary("sub", h, n)))]


def _gru_bias(step: _Step) -> SSAValue | None:
    """Both biases of z and r, and the input bias of h, whose other bias the reset gate scales."""
    early, late = step.bias(0, 2), step.bias(2, 1, "w")
    if early is None or late is None:
        return None
    arrays = [a for a in (constant_of(early), constant_of(late)) if a is not None]
    if len(arrays) == 2:
        return step.outer.constant(np.concatenate(arrays))
    return step.outer(nn.ConcatOp([early, late], 0))


def _elman(step: _Step, x: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
    whole = step.inner.binary("add", step.project(x, step.bias(0, 1)), step.recur(states[0], 0, 1))
    return [step.activate(0, step.clip(whole))]


_STEPS: dict[type[CellOp], Callable[[_Step, SSAValue, list[SSAValue]], list[SSAValue]]] = {
    LstmOp: _lstm,
    GruOp: _gru,
    ElmanOp: _elman,
}
