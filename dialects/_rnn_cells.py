"""The named cells: ``rnn.lstm``, ``rnn.gru``, ``rnn.elman``; see CellOp for their normal form."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import TensorType, UnitAttr
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    result_def,
)

from rnncc.dialects._rnn_cell_base import CellOp

__all__ = ["CellOp", "ElmanOp", "GruOp", "LstmOp"]


@irdl_op_definition
class LstmOp(CellOp):
    """Long short-term memory: ONNX LSTM, one direction.

    i = f(Wi x + Ri h + bi + Pi*c), f = f(Wf x + Rf h + bf + Pf*c), g = g(Wc x + Rc h + bc),
    c' = f*c + i*g, o = f(Wo x + Ro h + bo + Po*c'), h' = o*h(c').
    The argument of activation h is not clipped (as in ONNX Runtime).
    """

    name = "rnn.lstm"
    GATES: ClassVar = 4
    ACTIVATION_COUNT: ClassVar = 3
    OPTIONAL: ClassVar = ("bias", "lens", "h0", "c0", "peephole")

    # Declared again so that c0, peephole and c follow what the base class declares.
    x = operand_def(TensorType)
    w = operand_def(TensorType)
    r = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    lens = opt_operand_def(TensorType)
    h0 = opt_operand_def(TensorType)
    c0 = opt_operand_def(TensorType)
    """Initial cell state [B, h]; zero when absent."""
    peephole = opt_operand_def(TensorType)
    """Peephole weights [3*h], in the order i, o, f; zero when absent."""

    input_forget = opt_prop_def(UnitAttr)
    """The forget gate is 1 - i."""

    y = result_def(TensorType)
    h = result_def(TensorType)
    c = result_def(TensorType)
    """The last valid cell state [B, h]."""


@irdl_op_definition
class GruOp(CellOp):
    """Gated recurrent unit: ONNX GRU, one direction.

    z = f(Wz x + Rz h + bz), r = f(Wr x + Rr h + br), h' = (1 - z)*n + z*h with
    n = g(Wh x + Rh (r*h) + bh), or g(Wh x + Wbh + r*(Rh h + Rbh)) with ``linear_before_reset``.
    """

    name = "rnn.gru"
    GATES: ClassVar = 3
    ACTIVATION_COUNT: ClassVar = 2
    OPTIONAL: ClassVar = ("bias", "lens", "h0")

    linear_before_reset = opt_prop_def(UnitAttr)
    """The reset gate multiplies the product Rh h instead of h."""


@irdl_op_definition
class ElmanOp(CellOp):
    """Simple recurrence: ONNX RNN, one direction. h' = f(W x + R h + b)."""

    name = "rnn.elman"
    GATES: ClassVar = 1
    ACTIVATION_COUNT: ClassVar = 1
    OPTIONAL: ClassVar = ("bias", "lens", "h0")
