"""The rnn dialect: recurrence, as named cells and as one structured operation.

``rnn.lstm``, ``rnn.gru`` and ``rnn.elman`` hold the whole meaning of ONNX's LSTM, GRU and RNN in
normal form; ``rnn.scan`` is what they, ONNX Scan and counted Loops become. ``rnn.while`` is the
recurrence whose length its own values decide: generation, and Loops with a condition of their own.
``rnn.if`` computes one of two things, in a step or outside.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from rnncc.dialects._activations import ACTIVATIONS, activation_kind, takes_alpha, takes_beta
from rnncc.dialects._rnn_cells import CellOp, ElmanOp, GruOp, LstmOp
from rnncc.dialects._rnn_if import CONDITION, IfOp
from rnncc.dialects._rnn_recurrence import INDEX
from rnncc.dialects._rnn_scan import ScanOp
from rnncc.dialects._rnn_scan_types import slice_type, stacked_type
from rnncc.dialects._rnn_while import WhileOp
from rnncc.dialects._rnn_yield import YieldOp

__all__ = [
    "ACTIVATIONS",
    "CONDITION",
    "INDEX",
    "RNN",
    "CellOp",
    "ElmanOp",
    "GruOp",
    "IfOp",
    "LstmOp",
    "Recurrence",
    "ScanOp",
    "WhileOp",
    "YieldOp",
    "activation_kind",
    "slice_type",
    "stacked_type",
    "takes_alpha",
    "takes_beta",
]

Recurrence = ScanOp | WhileOp
"""What carries values from step to step."""

RNN = Dialect("rnn", [LstmOp, GruOp, ElmanOp, ScanOp, WhileOp, IfOp, YieldOp], [])
