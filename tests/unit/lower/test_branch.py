"""rnn.if on the machine: values on every path, states in place, and what is not taken is not paid."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, i1, i64
from xdsl.ir import Block, SSAValue

from rnncc.codegen import generate
from rnncc.dialects import nn, npu, rnn
from rnncc.dialects._types import tensor_type
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from rnncc.simulator import simulate

from .build import Graph, check, count, lower, tiny

Way = Callable[[], Sequence[SSAValue]]


def branch(g: Graph, condition: SSAValue, then: Way, otherwise: Way) -> rnn.IfOp:
    """An rnn.if whose regions the two functions build."""
    blocks = []
    for way in (then, otherwise):
        block = Block()
        g.stack.append(block)
        block.add_op(rnn.YieldOp(*way()))
        g.stack.pop()
        blocks.append(block)
    op = rnn.IfOp.make(condition, *blocks)
    g.stack[-1].add_op(op)
    return op


def scalar(g: Graph, flag: SSAValue) -> SSAValue:
    return g.add(nn.ReshapeOp(flag, tensor_type(i1, [])))


def gated(steps: int = 8, width: int = 64):
    """h = c ? tanh(h W) : h, the sequence of h stays inside."""
    g = Graph()
    flags, h0 = g.input((steps, 1), bool), g.input((1, width))
    w = g.const(np.random.default_rng(0).standard_normal((width, width)) / np.sqrt(width))

    def step(_, c, h):
        def update():
            return [g.add(nn.UnaryOp("tanh", g.add(nn.MatmulOp(h, w))))]

        return branch(g, scalar(g, c), update, lambda: [h]).results

    return g.module(*g.scan([flags], [h0], step, steps).states)


@pytest.fixture(params=["edge", "tiny"])
def target(request, tmp_path):
    return "edge" if request.param == "edge" else tiny(tmp_path, 256, 1024)


def test_a_state_that_stays_is_not_written(target):
    lowered = check(gated(width=8), target)
    (op,) = (op for op in lowered.walk() if isinstance(op, npu.IfOp))
    assert op.else_region.block.ops.first is None
    loop = op.parent_op()
    assert isinstance(loop, npu.LoopOp)
    assert not [i for i in loop.body.block.ops if isinstance(i, npu.InstructionOp)]


def test_what_is_not_taken_costs_a_read_and_a_branch():
    machine = load_machine("edge")
    programs = {}
    for steps in (8, 16):
        module = lower(gated(steps))
        AllocatePass("edge").apply(Context(), module)
        programs[steps] = generate(module, machine, "exact")

    def cycles(steps: int, taken: int) -> int:
        flags = np.arange(steps).reshape(-1, 1) < taken
        h0 = np.ones((1, 64), np.float32)
        found = simulate(programs[steps], {"x0": flags, "x1": h0}).cycles
        assert found is not None
        return found

    none, one, two, every = (cycles(8, n) for n in (0, 1, 2, 8))
    assert two - one > 4 * machine.control.branch_cycles
    assert abs((every - one) - 7 * (two - one)) <= 8
    control = machine.control
    turn = control.read_latency + control.branch_cycles + control.loop_cycles
    assert cycles(16, 0) - none <= 8 * (turn + 3 * control.dispatch_cycles)


def test_old_state_read_after_the_new_one(target):
    g = Graph()
    flags, x, a = g.input((5, 1), bool), g.input((5, 4)), g.input((4,))

    def body(_, c, x, a, b):
        def update():
            new = g.add(nn.BinaryOp("add", a, x))
            return [new, g.add(nn.BinaryOp("mul", a, b))]

        new = branch(g, scalar(g, c), update, lambda: [b, a]).results
        return *new, g.add(nn.BinaryOp("sub", a, new[1]))

    op = g.scan([flags, x], [a, a], body, 5)
    check(g.module(*op.states, *op.outputs), target)


def test_a_known_condition_leaves_one_way():
    g = Graph()
    a, true = g.input((4,)), g.const(True, bool)
    op = branch(g, true, lambda: [g.add(nn.UnaryOp("tanh", a))], lambda: [a])
    assert count(check(g.module(*op.results)), npu.IfOp) == 0


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data(), st.sampled_from([(4096, 1 << 16), (256, 2048), (128, 1024)]))
def test_random_branches(tmp_path_factory, data, memories):
    draw = data.draw
    steps, width, unroll = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    symbol = draw(st.sampled_from(["", "T"]))
    g = Graph({"T": steps} if symbol else None)
    x = g.input((steps, 2, width), symbols=(symbol, "", ""))
    flags = g.input((steps, 2), bool, symbols=(symbol, ""))
    states = draw(st.integers(1, 3))
    inits = [g.input((2, width)) for _ in range(states)]
    w = g.const(np.random.default_rng(1).standard_normal((width, width)) / width)

    def grow(pool: list[SSAValue], flag: SSAValue, depth: int) -> list[SSAValue]:
        pool = list(pool)
        for _ in range(draw(st.integers(0, 3))):
            a, b = (pool[draw(st.integers(0, len(pool) - 1))] for _ in range(2))
            kind = draw(st.sampled_from(["add", "mul", "matmul", "tanh", "flip", "if", "if"]))
            if kind in ("add", "mul"):
                pool.append(g.add(nn.BinaryOp(kind, a, b)))
            elif kind == "matmul":
                pool.append(g.add(nn.MatmulOp(a, w)))
            elif kind == "tanh":
                pool.append(g.add(nn.UnaryOp("tanh", a)))
            elif kind == "flip":
                pool.append(g.add(nn.SliceOp(a, [1, 0], [2, width], [-1, 1])))
            elif depth < 2:
                made = draw(st.integers(1, 3))
                bit = g.add(nn.SliceOp(flag, [draw(st.integers(0, 1))], [1]))

                def way(made=made, pool=pool):
                    inner = grow(pool, flag, depth + 1)
                    return [inner[draw(st.integers(0, len(inner) - 1))] for _ in range(made)]

                pool += branch(g, scalar(g, bit), way, way).results
        return pool

    def body(_, x, flag, *old):
        pool = grow([x, *old], flag, 0)
        last = len(pool) - 1
        return [pool[draw(st.integers(0, last))] for _ in range(states + 1)]

    op = g.scan([x, flags], inits, body, steps, symbol)
    if unroll > 1:
        op.attributes["rnn.unroll"] = IntegerAttr(min(unroll, steps), i64)
    lengths = {"T": draw(st.integers(1, steps))} if symbol else None
    target = tiny(tmp_path_factory.mktemp("m"), *memories)
    check(g.module(*op.states, *op.outputs), target, lengths, rtol=1e-4)
