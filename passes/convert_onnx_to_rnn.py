"""convert-onnx-to-rnn: recurrence leaves the onnx dialect.

Needs: shapes of all values are known. Ensures: no onnx.LSTM, onnx.GRU, onnx.RNN, onnx.Scan and
onnx.Loop is left. Exact.

LSTM, GRU and RNN become rnn.lstm, rnn.gru, rnn.elman in normal form (one direction, time-major);
directions are joined by nn.concat, layout 1 is nn.transpose. Constant weights are sliced as views.
Scan and counted Loops become rnn.scan, Loops whose body says whether they go on rnn.while; what is in
their bodies stays as it is, for convert-onnx-to-nn. A constant trip count, a counter that the condition
compares with a constant (rnncc.frontend.bounds) or a declared shape bounds the iterations. What is
stacked a number of times known only at run time has its largest number of rows, those not reached being
zero, and a further output ``rnncc.count.NAME``, by which the runtime cuts it; it can be an output of the
model, nothing more.

Raises:
    UnsupportedError: nothing bounds a Loop's iterations, or something reads rows that may not be there.

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
from rnncc.passes._convert_loop import convert_loop
from rnncc.passes._convert_scans import convert_scan, convert_scan_8

_CONVERTERS: dict[str, Callable[[OnnxOp], None]] = {
    **dict.fromkeys(CELLS, convert_cell),
    "onnx.Scan": convert_scan,
    "onnx.Scan_8": convert_scan_8,
    "onnx.Loop": convert_loop,
}


@dataclass(frozen=True)
class ConvertOnnxToRnnPass(ModulePass):
    """ONNX recurrent operators, Scan and Loop to the rnn dialect."""

    name = "convert-onnx-to-rnn"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Convert every recurrence of the module, outer ones first."""
        for inner in list(op.walk()):
            if isinstance(inner, OnnxOp) and inner.name in _CONVERTERS:
                _CONVERTERS[inner.name](inner)
