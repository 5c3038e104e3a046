"""One step of each named cell in nn operations, as few as possible."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import type_of
from rnncc.dialects.rnn import CellOp, ElmanOp, GruOp, LstmOp, takes_alpha, takes_beta
from rnncc.passes._emit import Emitter, constant_of


class Step:
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


def _lstm(step: Step, x: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
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
    step: Step, whole: SSAValue, c: SSAValue
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


def _gru(step: Step, x: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
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


def _gru_bias(step: Step) -> SSAValue | None:
    """Both biases of z and r, and the input bias of h, whose other bias the reset gate scales."""
    early, late = step.bias(0, 2), step.bias(2, 1, "w")
    if early is None or late is None:
        return None
    arrays = [a for a in (constant_of(early), constant_of(late)) if a is not None]
    if len(arrays) == 2:
        return step.outer.constant(np.concatenate(arrays))
    return step.outer(nn.ConcatOp([early, late], 0))


def _elman(step: Step, x: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
    whole = step.inner.binary("add", step.project(x, step.bias(0, 1)), step.recur(states[0], 0, 1))
    return [step.activate(0, step.clip(whole))]


STEPS: dict[type[CellOp], Callable[[Step, SSAValue, list[SSAValue]], list[SSAValue]]] = {
    LstmOp: _lstm,
    GruOp: _gru,
    ElmanOp: _elman,
}
"""Cell -> the values after one step: hidden state first."""
