"""sink-updates: values before and after, on the interpreter and the machine; where it fires and where not."""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, i1

import rnncc
from rnncc.compiler import Compilation
from rnncc.dialects import nn, rnn
from rnncc.dialects._types import element_type, tensor_type
from rnncc.interpreter import run
from rnncc.passes._remarks import remarks_of
from rnncc.passes.sink_updates import SinkUpdatesPass
from rnncc.universe import make_context
from rnncc.verifier import verify_module
from tests.unit.lower.build import Graph, check, compare, count, random_inputs

from .stacks import Network

PATH = Path(__file__).parents[3] / "samples" / "skip_rnn" / "build.py"
SPEC = importlib.util.spec_from_file_location("skip_rnn_build", PATH)
assert SPEC is not None and SPEC.loader is not None
build = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build)


def sunk(module: ModuleOp) -> ModuleOp:
    """A transformed clone, verified; its values are those of `module` bit for bit."""
    after = module.clone()
    SinkUpdatesPass().apply(make_context(), after)
    verify_module(after)
    inputs = random_inputs(module)
    compare(run(after, inputs), run(module, inputs), 0)
    return after


def notes(module: ModuleOp) -> str:
    return "\n".join(note for function in module.ops for note in remarks_of(function))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_skip_rnn(cell, batch):
    model = build.skip_rnn(cell, build.weights(cell, 8, 32), steps=12, batch=batch)
    x = np.random.default_rng(1).standard_normal((12, batch, 8)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [o.name for o in session.get_outputs()]
    found = session.run(names, {"x": x})
    expected = {name: np.asarray(value) for name, value in zip(names, found, strict=True)}
    assert 0 < expected["updates"].mean() < 1
    macs = {}
    for name, pipeline in {
        "selects": "default",
        "late": "front,recurrence,sink-updates,canonicalize,cse,dce,back",
        "early": "front,sink-updates,recurrence,back",
    }.items():
        result = rnncc.compile(model, pipeline=pipeline).run({"x": x})
        compare(result.outputs, expected, 1e-5)
        macs[name] = result.report.to_dict()["counters"]["macs"]
    if batch == 1:
        # Work is saved; cycles only where that is much: a step that waits for a scalar overlaps with nothing.
        assert macs["early"] < macs["late"] < macs["selects"]
    module = Compilation(model, pipeline="front,recurrence,sink-updates").module("rnn")
    assert count(module, rnn.IfOp) == 1
    assert "became a branch around 2 products" in notes(module)


def test_run_time_length():
    model = build.skip_rnn("lstm", build.weights("lstm", 8, 16))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    program = rnncc.compile(
        model, shapes={"x": (9, 1, 8)}, pipeline="front,recurrence,sink-updates,back"
    )
    for steps in (1, 6, 9):
        x = np.random.default_rng(steps).standard_normal((steps, 1, 8)).astype(np.float32)
        expected = np.asarray(session.run(["h_T"], {"x": x})[0])
        np.testing.assert_allclose(program.run({"x": x}).outputs["h_T"], expected, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2])
def test_masks_of_lengths(batch):
    network = Network(("lstm",), steps=5, batch=batch, directions=("both",), length="lens")
    pipeline = "decompose-cells,lower-lengths,canonicalize,cse,dce"
    module = network.module()
    rnncc.Pipeline(pipeline).apply(make_context(), module)
    after = sunk(module)
    if batch == 1:
        assert "the mask of the one row holds in every step" in notes(after)
        inside = [op for s in after.walk() if isinstance(s, rnn.ScanOp) for op in s.body.walk()]
        assert not any(isinstance(op, nn.SelectOp) for op in inside)
        check(after)
    else:
        assert "left: a row still runs in every step" in notes(after)


def gated(build_step, steps=4, width=4, shape=(4, 1)):
    """A scan over x and flags (i1 [T, *shape]) with one state [1, width] and a matrix."""
    g = Graph()
    x, flags, h = g.input((steps, 1, width)), g.input((steps, *shape), bool), g.input((1, width))
    w = g.const(np.random.default_rng(0).standard_normal((width, width)))
    op = g.scan([x, flags], [h], lambda t, x, c, h: build_step(g, x, c, h, w), steps)
    return g.module(*op.states, *op.outputs)


def test_a_mask_given_by_the_user():
    def step(g, x, c, h, w):
        new = g.add(nn.UnaryOp("tanh", g.add(nn.MatmulOp(g.add(nn.BinaryOp("add", x, h)), w))))
        kept = g.add(nn.SelectOp(c, new, h))
        return kept, g.add(nn.SelectOp(c, new, g.const(0.0)))

    after = sunk(gated(step, shape=(1, 1)))
    assert count(after, rnn.IfOp) == 1 and "2 selects" in notes(after)
    check(after)


def test_what_is_not_worth_a_branch():
    def step(g, x, c, h, w):
        return (g.add(nn.SelectOp(c, g.add(nn.BinaryOp("add", x, h)), h)),)

    after = sunk(gated(step, shape=(1, 1)))
    assert count(after, rnn.IfOp) == 0
    assert "a branch takes as long as the 1 other operation it saves" in notes(after)


def test_both_sides_costly():
    def step(g, x, c, h, w):
        a, b = g.add(nn.MatmulOp(h, w)), g.add(nn.MatmulOp(x, w))
        return (g.add(nn.SelectOp(c, a, b)),)

    rows = sunk(gated(step, shape=(1, 4)))
    assert count(rows, rnn.IfOp) == 0 and "both sides are costly" in notes(rows)
    one = sunk(gated(step, shape=(1, 1)))
    assert count(one, rnn.IfOp) == 1
    check(one)


@pytest.mark.parametrize("turned", [False, True])
def test_a_blend_is_not_a_select(turned):
    """``u * new + (1 - u) * old``: zero times infinity is not a number."""

    def step(g, x, c, h, w):
        u = g.add(nn.CastOp(c, element_type("f4")))
        new = g.add(nn.BinaryOp("mul", u, g.add(nn.MatmulOp(h, w))))
        rest = g.add(nn.BinaryOp("sub", g.const(1.0), u))
        old = g.add(nn.BinaryOp("mul", h, rest))
        return (g.add(nn.BinaryOp("add", *((old, new) if turned else (new, old)))),)

    after = sunk(gated(step, shape=(1, 1)))
    assert count(after, rnn.IfOp) == 0 and "write it as a select" in notes(after)


def test_a_condition_that_never_changes():
    g = Graph()
    flag, h = g.input((1, 1), bool), g.input((1, 4))
    w = g.const(np.eye(4))
    op = g.scan([], [h], lambda t, h: (g.add(nn.SelectOp(flag, g.add(nn.MatmulOp(h, w)), h)),), 3)
    after = sunk(g.module(*op.states))
    assert count(after, rnn.IfOp) == 0 and "the same in all steps" in notes(after)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_steps(data):
    draw = data.draw
    batch, width, steps = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    g = Graph()
    x = g.input((steps, batch, width))
    shape = draw(st.sampled_from([(1, 1), (batch, 1), (1, width), (batch, width), ()]))
    flags = g.input((steps, *shape), bool)
    inits = [g.input((batch, width)) for _ in range(2)]
    w = g.const(np.random.default_rng(1).standard_normal((width, width)) / width)

    def body(_, x, flag, *old):
        pool = [x, *old]

        def pick():
            return pool[draw(st.integers(0, len(pool) - 1))]

        def condition():
            c = flag
            if draw(st.booleans()):
                c = g.add(nn.UnaryOp("not", c))
            if draw(st.booleans()) and 1 in (*shape, 1) and np.prod(shape) == 1:
                c = g.add(nn.ReshapeOp(c, tensor_type(i1, draw(st.sampled_from([(), (1,)])))))
            if draw(st.integers(0, 3)) == 0:
                c = g.add(nn.CompareOp("lt", pick(), pick()))
            return c

        for _ in range(draw(st.integers(2, 9))):
            kind = draw(st.sampled_from(["add", "matmul", "tanh", "select", "select", "select"]))
            if kind == "add":
                pool.append(g.add(nn.BinaryOp("add", pick(), pick())))
            elif kind == "matmul":
                pool.append(g.add(nn.MatmulOp(pick(), w)))
            elif kind == "tanh":
                pool.append(g.add(nn.UnaryOp("tanh", pick())))
            else:
                zero = g.const(0.0) if draw(st.integers(0, 4)) == 0 else pick()
                made = g.add(nn.SelectOp(condition(), pick(), zero))
                if tuple(made.type.get_shape()) == (batch, width):
                    pool.append(made)
        return [pool[-1 - draw(st.integers(0, min(3, len(pool) - 1)))] for _ in range(3)]

    op = g.scan([x, flags], inits, body, steps)
    after = sunk(g.module(*op.states, *op.outputs))
    check(after)


@pytest.mark.parametrize("rows", [1, 3])
def test_work_behind_a_select_comes_behind_the_branch(rows):
    """A select's result is used before the last select of its group; rows may decide for themselves."""
    g = Graph()
    x, flags = g.input((3, rows, 4)), g.input((3, rows, 1), bool)
    w = g.const(np.random.default_rng(1).standard_normal((4, 4)))

    def body(_, x, flag, old):
        first = g.add(nn.SelectOp(flag, g.add(nn.MatmulOp(x, w)), old))
        behind = g.add(nn.BinaryOp("add", x, first))
        return g.add(nn.SelectOp(flag, g.add(nn.MatmulOp(old, w)), x)), behind

    scan = g.scan([x, flags], [g.input((rows, 4))], body, 3)
    check(sunk(g.module(*scan.states, *scan.outputs)))
