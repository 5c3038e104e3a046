"""sink-front: the same values frame by frame, on the interpreter and the machine."""

import numpy as np
import onnxruntime
import pytest

import rnncc
from rnncc.compiler import Compilation
from rnncc.dialects import nn, rnn
from rnncc.dialects._types import element_type, tensor_type
from rnncc.interpreter import run
from rnncc.passes._remarks import remarks_of
from rnncc.passes.sink_front import SinkFrontPass
from rnncc.pipeline import Pipeline
from rnncc.universe import make_context
from rnncc.verifier import verify_module
from tests.unit.lower.build import Graph, compare, count, random_inputs

from .lrcn import clip, lrcn

F32 = element_type("f4")
REST = "hoist-input-projection,lower-lengths,canonicalize,cse,dce,back"


@pytest.mark.parametrize(
    ("batch", "batch_first", "cell", "steps"),
    [(1, False, "LSTM", 5), (2, True, "GRU", 5), (3, False, "RNN", "T")],
)
def test_values(batch, batch_first, cell, steps):
    model = lrcn(steps=steps, batch=batch, cell=cell, batch_first=batch_first)
    x = clip(5, (1, 2, 3, 4), batch=batch)
    x = np.ascontiguousarray(x.swapaxes(0, 1)) if batch_first else x
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [o.name for o in session.get_outputs()]
    found = session.run(names, {"x": x})
    expected = {n: np.asarray(v) for n, v in zip(names, found, strict=True)}
    compilation = Compilation(
        model,
        shapes={"x": x.shape},
        pipeline=f"front,decompose-cells,fuse-gates,sink-front,{REST}",
    )
    compare(compilation.program().run({"x": x}).outputs, expected, 1e-5)
    module = compilation.module("rnn")
    (scan,) = (op for op in module.walk() if isinstance(op, rnn.ScanOp))
    inside = {type(op) for op in scan.body.walk()}
    assert {nn.ConvOp, nn.PoolOp} <= inside
    assert count(module, nn.ConvOp) == 1


@pytest.mark.parametrize("way", ["f", "b"])
def test_lengths_stay_on_the_scan(way):
    """Rows of their own length, the time running either way; pooling in front."""
    g = Graph()
    x, lens = g.input((4, 2, 2, 4, 4)), g.input((2,), np.int32)
    frames = g.add(nn.ReshapeOp(x, tensor_type(F32, (8, 2, 4, 4))))
    pooled = g.add(nn.PoolOp("max", frames, [2, 2], [2, 2]))
    flat = g.add(nn.ReshapeOp(pooled, tensor_type(F32, (4, 2, 8))))
    h = g.const(np.zeros((2, 8)))
    op = g.scan(
        [flat],
        [h],
        lambda _, x, h: [g.add(nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", x, h))))] * 2,
        4,
        lens=lens,
        input_reverse=[way == "b"],
    )
    module = g.module(*op.states, *op.outputs)
    after = module.clone()
    SinkFrontPass().apply(make_context(), after)
    verify_module(after)
    (scan,) = (op for op in after.walk() if isinstance(op, rnn.ScanOp))
    assert any(isinstance(op, nn.PoolOp) for op in scan.body.walk())
    for lengths in ([4, 2], [1, 3], [0, 4]):
        inputs = {**random_inputs(module), "x1": np.array(lengths, np.int32)}
        compare(run(after, inputs), run(module, inputs), 1e-6)


def test_only_where_the_machine_gains():
    wanted = f"front,decompose-cells,sink-front{{measure=true}},{REST}"
    plain = f"front,decompose-cells,{REST}"
    for target in ("edge", "bw-s10"):
        x = clip(4, range(4), size=12)
        model = lrcn(steps=4, size=12)
        cycles = [
            rnncc.compile(model, target=target, pipeline=p).run({"x": x}).cycles
            for p in (plain, wanted)
        ]
        assert None not in cycles and sorted(cycles) == cycles[::-1]  # pyright: ignore
    module = Compilation(model, target="bw-s10", pipeline=wanted).module("rnn")
    (function,) = module.ops
    assert any("cycles instead of" in n or "nothing is changed" in n for n in remarks_of(function))


def test_what_has_no_convolution_stays():
    module = Compilation(lrcn(steps=4), pipeline="front,decompose-cells").module("rnn")
    context = make_context()
    Pipeline("sink-front").apply(context, module)
    again = str(module)
    Pipeline("sink-front").apply(context, module)
    assert str(module) == again
