"""The named cells in NumPy, in the element type of their arrays.

Everything is [B, ...]: one step of all rows at once. Gate orders are ONNX's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rnncc.dialects.rnn import CellOp, ElmanOp, GruOp, LstmOp, takes_alpha, takes_beta
from rnncc.interpreter import kernels

Array = np.ndarray
Step = Callable[[Array, list[Array]], list[Array]]


@dataclass
class Operands:
    """The arrays of a cell's operands; None where absent."""

    x: Array
    w: Array
    r: Array
    bias: Array | None = None
    lens: Array | None = None
    h0: Array | None = None
    c0: Array | None = None
    peephole: Array | None = None


def run_cell(op: CellOp, operands: Operands) -> tuple[Array, ...]:
    """All results of a cell: y [T, B, h], the last h [B, h], for an LSTM the last c [B, h].

    A row without a valid step ends in zeros, not in its initial state (as in ONNX Runtime).
    """
    x, hidden = operands.x, op.hidden.value.data
    steps, batch, _ = x.shape
    lens = np.full(batch, steps) if operands.lens is None else np.clip(operands.lens, 0, steps)
    zero = np.zeros((batch, hidden), x.dtype)
    states = [zero if operands.h0 is None else operands.h0]
    if isinstance(op, LstmOp):
        states.append(zero if operands.c0 is None else operands.c0)
    step = _STEPS[type(op)](op, operands)
    y = np.zeros((steps, batch, hidden), x.dtype)
    rows = np.arange(batch)
    for t in range(steps):
        active = t < lens
        place = np.where(active, lens - 1 - t, t) if op.reverse else np.full(batch, t)
        new = step(x[place, rows], states)
        keep = active[:, None]
        states = [np.where(keep, a, b) for a, b in zip(new, states, strict=True)]
        y[place[active], rows[active]] = new[0][active]
    return (y, *(np.where(lens[:, None] > 0, s, 0).astype(x.dtype) for s in states))


def _activations(op: CellOp) -> list[Callable[[Array], Array]]:
    """The cell's activations, each after the clip."""
    bound = None if op.clip is None else op.clip.value.data

    def activate(kind: str, alpha: float | None, beta: float | None, v: Array) -> Array:
        if bound is not None:
            v = np.clip(v, v.dtype.type(-bound), v.dtype.type(bound))
        return kernels.unary(kind, v, alpha, beta)

    return [
        partial(activate, k, a if takes_alpha(k) else None, b if takes_beta(k) else None)
        for k, a, b in op.activation_list()
    ]


def _biases(op: CellOp, operands: Operands) -> Sequence[Array]:
    """The input bias and the recurrence bias, [G*h] each."""
    if operands.bias is None:
        return [np.zeros(len(operands.w), operands.x.dtype)] * 2
    return np.split(operands.bias, 2)


def _lstm(op: CellOp, operands: Operands) -> Step:
    assert isinstance(op, LstmOp)
    f, g, _ = _activations(op)
    kind, alpha, beta = op.activation_list()[2]
    bias = sum(_biases(op, operands))
    peep = [0, 0, 0] if operands.peephole is None else np.split(operands.peephole, 3)

    def step(x: Array, states: list[Array]) -> list[Array]:
        h, c = states
        product = kernels.matmul(x, operands.w, True) + kernels.matmul(h, operands.r, True)
        i, o, forget, cell = np.split(product + bias, 4, axis=1)
        i = f(i + peep[0] * c)
        forget = 1 - i if op.input_forget else f(forget + peep[2] * c)
        c = forget * c + i * g(cell)
        # No clip before h: see LstmOp.
        return [f(o + peep[1] * c) * kernels.unary(kind, c, alpha, beta), c]

    return step


def _gru(op: CellOp, operands: Operands) -> Step:
    assert isinstance(op, GruOp)
    f, g = _activations(op)
    wb, rb = _biases(op, operands)

    def step(x: Array, states: list[Array]) -> list[Array]:
        (h,) = states
        hidden = h.shape[1]
        inputs = kernels.matmul(x, operands.w, True) + wb
        inner = kernels.matmul(h, operands.r, True) + rb
        z, r = np.split(f(inputs[:, : 2 * hidden] + inner[:, : 2 * hidden]), 2, axis=1)
        if op.linear_before_reset:
            last = r * inner[:, 2 * hidden :]
        else:
            last = kernels.matmul(r * h, operands.r[2 * hidden :], True) + rb[2 * hidden :]
        return [(1 - z) * g(inputs[:, 2 * hidden :] + last) + z * h]

    return step


def _elman(op: CellOp, operands: Operands) -> Step:
    (f,) = _activations(op)
    bias = sum(_biases(op, operands))

    def step(x: Array, states: list[Array]) -> list[Array]:
        product = kernels.matmul(x, operands.w, True) + kernels.matmul(states[0], operands.r, True)
        return [f(product + bias)]

    return step


_STEPS: dict[type[CellOp], Callable[[CellOp, Operands], Step]] = {
    LstmOp: _lstm,
    GruOp: _gru,
    ElmanOp: _elman,
}
