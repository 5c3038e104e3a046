"""gate-frames: against NumPy's decision and the ungated model on the frames that are processed."""

import numpy as np
import onnxruntime
import pytest

import rnncc
from rnncc.compiler import Compilation
from rnncc.dialects import nn, rnn
from rnncc.errors import PassError
from rnncc.interpreter import run
from rnncc.passes._remarks import remarks_of
from rnncc.passes.gate_frames import GateFramesPass
from rnncc.pipeline import Pipeline
from rnncc.skipped import take_counters
from rnncc.universe import make_context
from rnncc.verifier import verify_module
from tests.unit.lower.build import Graph, compare, count, random_inputs

from .lrcn import clip, lrcn, processed
from .stacks import Network

REST = "hoist-input-projection,lower-lengths,canonicalize,cse,dce,back"
FRONT = "front,decompose-cells,fuse-gates"


def pipeline(threshold: float | str, metric: str = "l2", rows: str = "together") -> str:
    return f"{FRONT},gate-frames{{threshold={threshold} metric={metric} rows={rows}}},{REST}"


def reference(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [o.name for o in session.get_outputs()]
    return {n: np.asarray(v) for n, v in zip(names, session.run(names, {"x": x}), strict=True)}


def expected(make, x, done, axis=0):
    """The ungated model on the frames processed; each step has the output of the last of them."""
    short = reference(make(len(done)), np.take(x, done, axis))
    steps = [sum(p <= t for p in done) - 1 for t in range(x.shape[axis])]
    return {"scores": short["scores"], "ys": short["ys"][steps]}


def note_of(module):
    return "\n".join(n for f in module.ops for n in remarks_of(f))


@pytest.mark.parametrize("metric", ["l2", "linf", "cosine"])
@pytest.mark.parametrize(
    ("batch", "batch_first", "cell"),
    [(1, False, "LSTM"), (1, True, "GRU"), (2, False, "GRU"), (3, True, "LSTM")],
)
def test_lrcn(metric, batch, batch_first, cell):
    x = clip(9, (3, 4, 7), batch=batch)
    done = processed(metric, 0.02, x)
    assert 1 < len(done) < 9
    given = np.ascontiguousarray(x.swapaxes(0, 1)) if batch_first else x

    def make(steps):
        return lrcn(steps=steps, batch=batch, cell=cell, batch_first=batch_first)

    compilation = Compilation(make(9), pipeline=pipeline(0.02, metric))
    result = compilation.program().run({"x": given})
    compare(result.outputs, expected(make, given, done, int(batch_first)), 1e-5)
    (gate,) = result.report.skipped
    assert (gate.name, gate.skipped, gate.steps) == ("rnn0", 9 - len(done), 9)
    assert result.report.to_dict()["skipped"] == [
        {"name": "rnn0", "skipped": 9 - len(done), "steps": 9}
    ]
    assert f"skipped {9 - len(done)} of 9 steps" in str(result.report)
    module = compilation.module("rnn")
    (branch,) = (op for op in module.walk() if isinstance(op, rnn.IfOp))
    inside = {type(op) for op in branch.else_region.walk()}
    assert {nn.ConvOp, nn.PoolOp} <= inside and count(module, nn.ConvOp) == 1
    assert "1 convolution, 1 pooling" in note_of(module)


def test_a_slow_drift_is_noticed():
    x = np.ones((9, 1, 2, 6, 6), np.float32) * np.linspace(1, 1.8, 9, dtype=np.float32).reshape(
        9, 1, 1, 1, 1
    )
    done = processed("linf", 0.25, x)
    assert done == [0, 3, 6]
    result = rnncc.compile(lrcn(steps=9), pipeline=pipeline(0.25, "linf")).run({"x": x})
    compare(result.outputs, expected(lambda n: lrcn(steps=n), x, done), 1e-5)


def test_run_time_length():
    program = rnncc.compile(lrcn(steps="T"), shapes={"x": (9, 1, 2, 6, 6)}, pipeline=pipeline(0.02))
    assert "T" in program.symbols
    for steps in (1, 5, 9):
        x = clip(steps, (2, 4), seed=steps)
        done = processed("l2", 0.02, x)
        result = program.run({"x": x})
        compare(result.outputs, expected(lambda n: lrcn(steps=n), x, done), 1e-5)
        assert (result.report.skipped[0].skipped, result.report.skipped[0].steps) == (
            steps - len(done),
            steps,
        )


def test_pictures_of_bytes():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (6, 1, 2, 6, 6), np.uint8)
    x[1] = x[0]
    x[3:] = x[2]
    x[4, 0, 0, 0, 0] ^= 1
    done = processed("linf", 0.5, x)
    assert done == [0, 2, 4, 5]

    def make(steps):
        return lrcn(steps=steps, dtype=np.uint8)

    result = rnncc.compile(make(6), pipeline=pipeline(0.5, "linf")).run({"x": x})
    compare(result.outputs, expected(make, x, done), 1e-5)


def test_the_layer_behind_follows():
    x = clip(8, (3, 5))
    done = processed("l2", 0.02, x)
    compilation = Compilation(lrcn(layers=2), pipeline=pipeline(0.02))
    result = compilation.program().run({"x": x})
    compare(result.outputs, expected(lambda n: lrcn(steps=n, layers=2), x, done), 1e-5)
    assert [gate.skipped for gate in result.report.skipped] == [8 - len(done)] * 2
    assert "skipped with the step of the recurrence in front of it" in note_of(
        compilation.module("rnn")
    )


def test_threshold_zero_is_bit_exact():
    x = clip(8, ())
    x[:] = x[0]
    plain = rnncc.compile(lrcn(), pipeline=f"{FRONT},{REST}").run({"x": x})
    gated = rnncc.compile(lrcn(), pipeline=pipeline(0))
    assert "approximate" not in gated.report
    result = gated.run({"x": x})
    assert result.cycles == plain.cycles and not result.report.skipped
    for name, value in plain.outputs.items():
        assert value.tobytes() == result.outputs[name].tobytes()
    module = Compilation(lrcn(), pipeline=pipeline("0.0")).module("rnn")
    assert "threshold 0: no step can be skipped" in note_of(module)


def test_a_frame_without_direction():
    x = clip(6, (2,))
    x[3:] = 0
    result = rnncc.compile(lrcn(steps=6), pipeline=pipeline(0.02, "cosine")).run({"x": x})
    # Frames 0 and 2, and every one that is all zero.
    assert result.report.skipped[0].skipped == 1


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("way", ["f", "b"])
def test_lengths(batch, way):
    network = Network(("gru",), steps=7, batch=batch, directions=(way,), length="lens")
    module = network.module()
    context = make_context()
    Pipeline("decompose-cells").apply(context, module)
    inputs = random_inputs(module)
    lens = inputs["x1"] = np.array([5, 7, 2][:batch], np.int32)
    x = inputs["x0"]
    ordered = x.copy()
    for b, n in enumerate(lens):
        for t in range(1, n):
            if t not in (2, 4):
                x[t, b] = x[t - 1, b]
        ordered[:n, b] = x[:n, b][::-1] if way == "b" else x[:n, b]
    done = processed("l2", 0.01, ordered[: lens.max()], lens)
    assert 1 < len(done) < lens.max()
    gated = module.clone()
    GateFramesPass(threshold=0.01, rows="together").apply(context, gated)
    verify_module(gated)
    outputs, (counter,) = take_counters(run(gated, inputs))
    assert (counter.skipped, counter.steps) == (lens.max() - len(done), lens.max())
    # The ungated model on the frames that are processed, each row as far as it runs.
    short = {
        "x0": np.zeros_like(x),
        "x1": np.array([sum(p < n for p in done) for n in lens], np.int32),
    }
    for b, n in enumerate(short["x1"]):
        rows = ordered[done[:n], b]
        short["x0"][:n, b] = rows[::-1] if way == "b" else rows
    want = run(module, short)
    final = next(k for k, v in want.items() if v.ndim == 2)
    np.testing.assert_allclose(outputs[final], want[final], rtol=1e-5, atol=1e-6)
    sequence = next(k for k, v in want.items() if v.ndim == 3)
    for b, n in enumerate(lens):
        for t in range(7):
            at = sum(p <= t for p in done) - 1
            place, source = (n - 1 - t, short["x1"][b] - 1 - at) if way == "b" else (t, at)
            value = want[sequence][source, b] if t < n else 0
            np.testing.assert_allclose(
                outputs[sequence][place if t < n else t, b], value, rtol=1e-5, atol=1e-6
            )


@pytest.mark.parametrize(("cell", "batch_first"), [("LSTM", False), ("GRU", True)])
def test_rows_apart(cell, batch_first):
    """Each row as a batch of its own."""
    x = clip(9, (), batch=3)
    for b, cuts in enumerate([(3,), (1, 5, 7), ()]):
        x[:, b] = clip(9, cuts, seed=b + 5)[:, 0]
    given = np.ascontiguousarray(x.swapaxes(0, 1)) if batch_first else x
    model = lrcn(steps=9, batch=3, cell=cell, batch_first=batch_first)
    result = rnncc.compile(model, pipeline=pipeline(0.02, rows="apart")).run({"x": given})
    total = 0
    for b in range(3):
        done = processed("l2", 0.02, x[:, b : b + 1])
        total += len(done)
        want = expected(lambda n: lrcn(steps=n, cell=cell), x[:, b : b + 1], done)
        row = {"scores": result.outputs["scores"][[b]], "ys": result.outputs["ys"][:, [b]]}
        compare(row, want, 1e-5)
    (gate,) = result.report.skipped
    assert (gate.skipped, gate.steps) == (27 - total, 27)


@pytest.mark.parametrize("way", ["f", "b"])
def test_rows_apart_with_lengths(way):
    network = Network(("gru",), steps=7, batch=3, directions=(way,), length="lens")
    module, context = network.module(), make_context()
    Pipeline("decompose-cells").apply(context, module)
    inputs = random_inputs(module)
    lens = inputs["x1"] = np.array([5, 7, 2], np.int32)
    x, short = inputs["x0"], {"x0": np.zeros_like(inputs["x0"]), "x1": lens.copy()}
    for b, n in enumerate(lens):
        for t in range(1, n):
            if t not in ((2,), (1, 4), ())[b]:
                x[t, b] = x[t - 1, b]
        ordered = x[:n, b][::-1] if way == "b" else x[:n, b]
        done = processed("l2", 0.01, ordered[:, None])
        rows = ordered[done]
        short["x1"][b] = len(done)
        short["x0"][: len(done), b] = rows[::-1] if way == "b" else rows
    gated = module.clone()
    GateFramesPass(threshold=0.01, rows="apart").apply(context, gated)
    verify_module(gated)
    outputs, (counter,) = take_counters(run(gated, inputs))
    assert (counter.skipped, counter.steps) == (lens.sum() - short["x1"].sum(), lens.sum())
    want = run(module, short)
    final = next(k for k, v in want.items() if v.ndim == 2)
    np.testing.assert_allclose(outputs[final], want[final], rtol=1e-5, atol=1e-6)


def test_a_step_that_mixes_rows_stays_together():
    g = Graph()
    x, h = g.input((4, 2, 3)), g.input((2, 3))

    def step(_, x, h):
        turned = g.add(nn.SliceOp(h, [1, 0], [2, 3], [-1, 1]))
        return [g.add(nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", x, turned))))] * 2

    module = g.module(*g.scan([x], [h], step, 4).states)
    GateFramesPass(threshold=0.1, rows="apart").apply(make_context(), module)
    verify_module(module)
    assert "in each of 2 rows" in note_of(module)
    assert count(module, rnn.ScanOp) == 1


@pytest.mark.parametrize("rows", ["together", "apart"])
def test_layers_of_rows(rows):
    x = clip(8, (3,), batch=2)
    x[5:, 1] = clip(8, (1,), seed=9)[5:, 0]
    compilation = Compilation(lrcn(batch=2, layers=2), pipeline=pipeline(0.02, rows=rows))
    result = compilation.program().run({"x": x})
    first, second = result.report.skipped
    assert (first.skipped, first.steps) == (second.skipped, second.steps)
    if rows == "together":
        done = processed("l2", 0.02, x)
        want = expected(lambda n: lrcn(steps=n, batch=2, layers=2), x, done)
        compare(result.outputs, want, 1e-5)
    for b in range(2 if rows == "apart" else 0):
        row = x[:, b : b + 1]
        want = expected(lambda n: lrcn(steps=n, layers=2), row, processed("l2", 0.02, row))
        np.testing.assert_allclose(result.outputs["scores"][b], want["scores"][0], atol=1e-5)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (Network(("lstm",), directions=("both",)), "it runs in both directions at once"),
        (Network(("lstm",), steps=1), "it has one step"),
    ],
)
def test_declined(network, why):
    module = network.module()
    Pipeline("decompose-cells,fuse-directions,gate-frames{threshold=0.1}").apply(
        make_context(), module
    )
    assert why in note_of(module)
    assert count(module, rnn.IfOp) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("threshold=-0.1", "a threshold is a number from 0 on"),
        ("threshold=nan", "a threshold is a number from 0 on"),
        ("threshold=inf", "a threshold is a number from 0 on"),
        ("threshold=much", "a threshold is a number from 0 on"),
        ("threshold=0.1 metric=cosin", "did you mean 'cosine'"),
        ("threshold=0.1 rows=apar", "did you mean 'apart'"),
        ("treshold=0.1", "threshold"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(PassError) as caught:
        Compilation(lrcn(), pipeline=f"{FRONT},gate-frames{{{options}}}").module("rnn")
    assert words in str(caught.value)


def test_measured_error():
    x = clip(8, (3, 5))
    program = rnncc.compile(
        lrcn(), pipeline=pipeline(0.02), calibration=[{"x": x}, {"x": x[::-1].copy()}]
    )
    found = program.report["calibration"]
    assert program.report["approximate"] == ["gate-frames{threshold=0.02 metric=l2}"]
    assert len(found["cycles"]) == 2 and found["skipped"] > 0 and found["steps"] == 16
    plain = reference(lrcn(), x)["scores"]
    ours = program.run({"x": x}).outputs["scores"]
    error = float(np.abs(plain - ours).max() / np.abs(plain).max())
    assert 0 < error <= found["errors"]["scores"] * 1.01
    assert found["same_choice"]["scores"][1] == 2
    exact = rnncc.compile(lrcn(), pipeline=pipeline(0), calibration={"x": x}).report["calibration"]
    assert exact["errors"] == {"scores": 0.0, "ys": 0.0} and exact["skipped"] == 0


def test_verify_each_knows_that_it_is_approximate():
    compilation = Compilation(lrcn(), pipeline=pipeline(5.0, "linf"))
    compilation.verify_each()
    assert compilation.program().report["approximate"]
