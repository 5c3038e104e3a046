"""rnn.while lowered: what the interpreter says, the npu level and the simulator say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.dead_code_elimination import DeadCodeElimination

from rnncc.codegen import generate
from rnncc.dialects import nn, npu, rnn
from rnncc.interpreter import run
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.hoist_input_projection import HoistInputProjectionPass
from rnncc.passes.schedule import SchedulePass
from rnncc.simulator import simulate

from .build import Graph, check, lower, random_inputs, tiny

TURNS = 7


def walk(g, width, *, limit=3.0, given=True, integer=True, twice=False, turns=TURNS):
    """A recurrence with a product that stops when a counter, or the largest element, says so."""
    rng = np.random.default_rng(0)
    h = g.input((1, width))
    start = g.input((), np.int64)
    steps = g.input((), np.int64) if given else None
    w = g.const(rng.standard_normal((width, width)) / np.sqrt(width))

    def again(t, h, k, *_):
        if integer:
            bound = g.const(limit, np.int64)
            first = g.add(nn.CompareOp("lt", k, bound))
            other = g.add(nn.CompareOp("ge", bound, t))
            return g.add(nn.BinaryOp("and", first, other))
        top = g.add(nn.ReduceOp("max", h, [0, 1], keepdims=False))
        return g.add(nn.CompareOp("gt", g.const(limit / 4), top))

    def step(t, h, k, *rest):
        z = g.add(nn.UnaryOp("tanh", g.add(nn.MatmulOp(h, w))))
        top = g.add(nn.ArgReduceOp("argmax", z, 1, keepdims=False, select_last=False))
        more = g.add(
            nn.ReshapeOp(g.add(nn.BinaryOp("mod", top, g.const([2], np.int64))), rnn.INDEX)
        )
        count = g.add(nn.BinaryOp("add", g.add(nn.BinaryOp("add", k, more)), t))
        # Two states that change places need a copy.
        swapped = rest[::-1]
        return z, count, *swapped, z, count

    others = [h, g.add(nn.UnaryOp("neg", h))] if twice else []
    return g.while_loop([h, start, *others], again, step, turns, steps)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 9),
    st.floats(0, 8),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_levels_agree(width, limit, given_, integer, twice, small, seed):
    import tempfile
    from pathlib import Path

    g = Graph()
    op = walk(g, width, limit=limit, given=given_, integer=integer, twice=twice)
    module = g.module(*op.results)
    with tempfile.TemporaryDirectory() as folder:
        target = tiny(Path(folder)) if small else "edge"
        check(module, target, high=1 + seed % 9)


@pytest.mark.parametrize("used", [[0], [2], [3], [2, 4], [1]])
def test_what_nobody_reads_is_not_kept(used):
    g = Graph()
    op = walk(g, 4, twice=False)
    check(g.module(*(op.results[k] for k in used)))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 8), st.floats(0, 8), st.booleans(), st.integers(0, 10**6))
def test_order_and_addresses_keep_the_meaning(width, limit, integer, seed):
    g = Graph()
    op = walk(g, width, limit=limit, integer=integer, given=True, twice=True)
    module = g.module(*op.results)
    inputs = random_inputs(module, seed=seed, high=9)
    expected = run(module, inputs)
    for passes in (CanonicalizePass(), HoistInputProjectionPass(), DeadCodeElimination()):
        passes.apply(Context(), module)
    for name, value in run(module, inputs).items():
        np.testing.assert_array_equal(value, expected[name])
    lowered = lower(module)
    SchedulePass().apply(Context(), lowered)
    AllocatePass().apply(Context(), lowered)
    program = generate(lowered, load_machine("edge"), "exact")
    program.validate()
    result = simulate(program, inputs)
    for name, value in result.outputs.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)
    assert result.timing is not None
    assert result.timing.bounds.cycles <= result.timing.cycles


def test_nested_in_a_scan_and_around_one():
    g = Graph()
    x = g.input((4, 1, 3))

    def outer(_t, row, h):
        zero = g.const(0, np.int64)
        two = g.const(2.0)

        def again(_u, s, _k):
            top = g.add(nn.ReduceOp("max", s, [0, 1], keepdims=False))
            return g.add(nn.CompareOp("lt", top, two))

        def inner(_u, s, k):
            scan = g.scan([x], [s], lambda _, a, b: [g.add(nn.BinaryOp("add", a, b))], 4)
            one = g.const(1, np.int64)
            return scan.states[0], g.add(nn.BinaryOp("add", k, one))

        start = g.add(nn.BinaryOp("add", row, h))
        op = g.while_loop([start, zero], again, inner, 5)
        return op.states[0], op.done

    whole = g.scan([x], [g.input((1, 3))], outer, 4)
    check(g.module(*whole.results))


def test_the_next_step_may_begin_before_the_condition_is_known():
    g = Graph()
    op = walk(g, 8, given=False)
    lowered = lower(g.module(op.states[0], op.done))
    SchedulePass().apply(Context(), lowered)
    (loop,) = [inner for inner in lowered.walk() if isinstance(inner, npu.LoopOp)]
    names = [inner.name for inner in loop.body.block.ops]
    place = names.index("npu.break")
    assert "npu.mm" in names[:place]
    assert names.count("npu.break") == 1
    # The counter is seen outside: it must not be raised by a turn that leaves.
    adds = [n for n, inner in enumerate(loop.body.block.ops) if isinstance(inner, npu.BinaryOp)]
    assert min(adds) > place


def test_a_gather_waits_for_the_condition():
    """Its index may be wrong in the turn that is not done."""
    g = Graph()
    table = g.const(np.arange(12).reshape(4, 3))
    start = g.input((), np.int64)

    def again(_t, k):
        return g.add(nn.CompareOp("lt", k, g.const(4, np.int64)))

    def step(_t, k):
        row = g.add(nn.GatherOp(table, k, 0))
        return g.add(nn.BinaryOp("add", k, g.const(1, np.int64))), row

    op = g.while_loop([start], again, step, 9)
    module = g.module(op.done, *op.outputs)
    lowered = lower(module)
    SchedulePass().apply(Context(), lowered)
    check(module, lowered=lowered)


def test_a_condition_that_always_holds_is_a_scan():
    g = Graph()
    op = g.while_loop(
        [g.input((2,))],
        lambda *_: g.const(True, np.bool_),
        lambda _t, h: [g.add(nn.UnaryOp("tanh", h))],
        5,
    )
    module = g.module(*op.states)
    expected = run(module, {"x0": np.ones(2, np.float32)})
    CanonicalizePass().apply(Context(), module)
    assert not any(isinstance(inner, rnn.WhileOp) for inner in module.walk())
    np.testing.assert_array_equal(run(module, {"x0": np.ones(2, np.float32)})["y0"], expected["y0"])


def test_no_turns_at_all():
    g = Graph()
    op = walk(g, 3, turns=0)
    check(g.module(*op.results))
