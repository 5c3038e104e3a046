"""convert-onnx-to-rnn: recurrence leaves the onnx dialect.

Needs: shapes of all values are known. Ensures: no onnx.LSTM, onnx.GRU, onnx.RNN, onnx.Scan and
onnx.Loop is left. Exact.

LSTM, GRU and RNN become rnn.lstm, rnn.gru, rnn.elman in normal form (one direction, time-major);
directions are joined by nn.concat, layout 1 is nn.transpose. Constant weights are sliced as views.
Scan and counted Loops become rnn.scan; what is in their bodies stays as it is, for
convert-onnx-to-nn. The scan outputs of a Loop whose trip count is known only at run time have their
declared number of rows, those not reached being zero.

Source: ONNX operator specification, opsets 7 and later (Scan: 8 and later).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from rnncc.dialects.onnx import OnnxOp
from rnncc.passes._convert_cells import CELLS, convert_cell
from rnncc.passes._convert_loops import convert_loop, convert_scan, convert_scan_8

_CONVERTERS: dict[str, Callable[[OnnxOp], None]] = {
    **dict.fromkeys(CELLS, convert_cell),
    "onnx.Scan": convert_scan,
    "onnx.Scan_8": convert_scan_8,
    "onnx.Loop": convert_loop,
}


@dataclass(frozen=True)
class ConvertOnnxToRnnPass(ModulePass):
    """ONNX recurrent operators, Scan and counted Loop to the rnn dialect."""

    name = "convert-onnx-to-rnn"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Convert every recurrence of the module, outer ones first."""
        for inner in list(op.walk()):
            if isinstance(inner, OnnxOp) and inner.name in _CONVERTERS:
                _CONVERTERS[inner.name](inner)
