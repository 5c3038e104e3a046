"""gate-frames on random work in front of random steps: as the ungated model on the frames processed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.dialects import nn
from rnncc.dialects._types import element_type, shape_of, tensor_type
from rnncc.interpreter import run
from rnncc.passes._remarks import remarks_of
from rnncc.passes.gate_frames import GateFramesPass
from rnncc.skipped import take_counters
from rnncc.universe import make_context
from rnncc.verifier import verify_module
from tests.unit.lower.build import Graph, check, compare

from .lrcn import processed

F32 = element_type("f4")
KINDS = ["unary", "binary", "line", "turn", "slice", "reverse", "pad", "reduce"]
KINDS += ["softmax", "twice", "product", "split", "conv"]


def grow(g, draw, value, axis):
    """One random operation that keeps steps apart; gives the value and its axis of time [steps * rows]."""
    shape = shape_of(value)
    rank = len(shape)
    other = draw(st.sampled_from([k for k in range(rank) if k != axis]))
    kind = draw(st.sampled_from(KINDS))
    if kind == "unary":
        return g.add(nn.UnaryOp("tanh", value)), axis
    if kind == "binary":
        dims = [1 if k == axis or draw(st.booleans()) else n for k, n in enumerate(shape)]
        return g.add(
            nn.BinaryOp("add", value, g.const(np.random.default_rng(1).random(dims)))
        ), axis
    if kind == "line" and axis != rank - 1:
        return g.add(nn.BinaryOp("mul", value, g.const(np.arange(shape[-1])))), axis
    if kind == "turn":
        perm = draw(st.permutations(range(rank)))
        return g.add(nn.TransposeOp(value, perm)), perm.index(axis)
    if kind in ("slice", "reverse") and shape[other] > 1:
        sizes = [n - 1 if k == other else n for k, n in enumerate(shape)]
        back = kind == "reverse"
        starts = [sizes[other] if back and k == other else 0 for k in range(rank)]
        stride = [-1 if back and k == other else 1 for k in range(rank)]
        return g.add(nn.SliceOp(value, starts, sizes, stride)), axis
    if kind == "pad":
        low = [int(k == other) for k in range(rank)]
        return g.add(nn.PadOp(value, low, [0] * rank)), axis
    if kind == "reduce" and rank > 2:
        keep = draw(st.booleans())
        made = g.add(nn.ReduceOp(draw(st.sampled_from(["sum", "max"])), value, [other], keep))
        return made, axis - (not keep and other < axis)
    if kind == "softmax":
        return g.add(nn.SoftmaxOp(value, other)), axis
    if kind == "twice":
        return g.add(nn.ConcatOp([value, g.add(nn.UnaryOp("neg", value))], other)), axis
    if kind == "product" and axis < rank - 1:
        w = np.random.default_rng(2).standard_normal((shape[-1], 3)) / shape[-1]
        return g.add(nn.MatmulOp(value, g.const(w))), axis
    if kind == "split" and rank < 5:
        count = 2 if shape[other] % 2 == 0 else 1
        sizes = [*shape[:other], count, shape[other] // count, *shape[other + 1 :]]
        return g.add(nn.ReshapeOp(value, tensor_type(F32, sizes))), axis + (other < axis)
    if kind == "conv" and axis == 0 and rank in (3, 4):
        w = np.random.default_rng(3).standard_normal((2, shape[1], *[2] * (rank - 2))) / 4
        high = [1] * (rank - 2)
        return g.add(nn.ConvOp(value, g.const(w), high=high)), axis
    return value, axis


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_fronts(data):
    draw = data.draw
    steps, rows = draw(st.integers(2, 6)), draw(st.integers(1, 3))
    joined = draw(st.booleans())  # [T * B, ...] as a CNN wants it, else [B, T, ...] with B = 1
    names = draw(st.lists(st.integers(0, 2), min_size=steps, max_size=steps))
    pictures = np.random.default_rng(5).standard_normal((3, rows, 2, 4)).astype(np.float32)
    frames = pictures[names]
    if not joined:
        rows, frames = 1, frames[:, :1]
    done = processed("l2", 0.01, frames)

    def module(steps):
        g = Graph()
        shape = (steps * rows, 2, 4) if joined else (1, steps, 2, 4)
        value, axis = g.input(shape), 0 if joined else 1
        for _ in range(count):
            value, axis = grow(g, draw, value, axis)
        order = [axis, *(k for k in range(len(shape_of(value))) if k != axis)]
        value = g.add(nn.TransposeOp(value, order))
        size = int(np.prod(shape_of(value))) // (steps * rows)
        value = g.add(nn.ReshapeOp(value, tensor_type(F32, (steps, rows, size))))
        w = g.const(np.random.default_rng(6).standard_normal((size, size)) / size)

        def step(_, x, h):
            new = g.add(nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", g.add(nn.MatmulOp(h, w)), x))))
            return new, g.add(nn.BinaryOp("mul", new, x)), h, new

        op = g.scan([value], [g.const(np.zeros((rows, size)))], step, steps)
        return g.module(*op.states, *op.outputs)

    count = draw(st.integers(0, 5))
    log = _Log(draw)
    draw = log
    whole = module(steps)
    draw = log.replay()
    short = module(len(done)) if len(done) > 1 else None
    flat = (-1, 2, 4) if joined else (1, -1, 2, 4)
    inputs = {"x0": frames.reshape(flat)}
    gated = whole.clone()
    GateFramesPass(threshold=0.01, rows="together").apply(make_context(), gated)
    verify_module(gated)
    (function,) = gated.ops
    assert "is skipped when" in remarks_of(function)[0]
    outputs, (counter,) = take_counters(run(gated, inputs))
    assert (counter.skipped, counter.steps) == (steps - len(done), steps)
    if short is not None:
        want = run(short, {"x0": frames[done].reshape(flat)})
        at = [sum(p <= t for p in done) - 1 for t in range(steps)]
        state, *sequences = want
        expected = {state: want[state], **{k: want[k][at] for k in sequences}}
        compare(outputs, expected, 1e-4)
    check(gated, rtol=1e-4)


class _Log:
    """Draws, and gives the same again: the same network for another number of steps."""

    def __init__(self, draw):
        self.draw, self.values = draw, []

    def __call__(self, strategy):
        self.values.append(self.draw(strategy))
        return self.values[-1]

    def replay(self):
        values = iter(self.values)
        return lambda _: next(values)
