"""Random loops: extrapolated == simulated in full, and no bound above the cycles."""

from dataclasses import replace
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_programs import (
    EDGE,
    at,
    binary,
    copy,
    load,
    loop,
    product,
    program,
    tensor,
    timed,
    unary,
    vm,
)

from rnncc.isa.instruction import Instruction
from rnncc.machine.description import Sync
from rnncc.simulator import dataflow
from rnncc.simulator.critical import critical_path
from rnncc.simulator.recent import Recent
from rnncc.simulator.shape import Shapes
from rnncc.simulator.simulate import tree

ROOM = 1 << 15
SLOTS = [64 * place for place in range(40)]


def machines():
    """Machines with queues, channels and latencies that make different things bind."""

    def make(chaining, depth, channels, latency, lanes, kind):
        vector = replace(EDGE.vector, lanes=lanes)
        parts = {}
        if kind == "chain":
            chaining, vector = True, replace(vector, kind="chain", units=2, chain_cycles=3)
        elif kind == "bulk":
            parts["sync"] = Sync("bulk", 40, 64.0)
        elif kind == "systolic":
            parts["matrix"] = replace(
                EDGE.matrix,
                kind="systolic",
                rows=16,
                columns=16,
                weight_load_cycles=9,
                weight_buffers=2,
            )
        queues = replace(EDGE.control.queue_depth, dma=depth, matrix=depth, vector=depth)
        return replace(
            EDGE,
            chaining=chaining,
            control=replace(EDGE.control, queue_depth=queues),
            dma=replace(EDGE.dma, channels=channels, latency=latency, duplex=kind == "duplex"),
            vector=vector,
            **parts,
        )

    return st.builds(
        make,
        st.booleans(),
        st.sampled_from([1, 2, 8]),
        st.sampled_from([1, 2, 3]),
        st.sampled_from([3, 40, 200]),
        st.sampled_from([2, 64]),
        st.sampled_from(["plain", "plain", "chain", "bulk", "systolic", "duplex"]),
    )


@st.composite
def steps(draw, index, other):
    """One instruction that may use a loop's index, another register, and an extent from a register."""
    slot = st.sampled_from(SLOTS)
    count = draw(st.sampled_from([1, 8, 16, 40]))

    def place():
        register = draw(st.sampled_from([0, 0, index, index, other]))
        moves = draw(st.sampled_from([-64, 4, 64, 128])) if register else 0
        base = draw(slot) + (ROOM // 2 if moves < 0 else 0)
        stride = draw(st.sampled_from([4, 4, 4, 8, 0]))
        return vm(base, (0, 0, stride), register if moves else 0, moves)

    kind = draw(
        st.sampled_from(["binary", "binary", "unary", "reduce", "out", "in", "load", "mm", "vary"])
    )
    if kind == "binary":
        return binary("add", place(), place(), place(), count)
    if kind == "unary":
        return unary("tanh", place(), place(), count)
    if kind == "reduce":
        target = draw(slot)
        return tensor("reduce", "sum", (1, 4, 8), vm(target, (0, 4, 0)), vm(target, (0, 32, 4)))
    if kind == "out":
        return copy(at("dram", 4096, (0, 0, 4), index, 64), place(), (1, 1, count))
    if kind == "in":
        return copy(place(), at("dram", 0, (0, 0, 4), other, 4), (1, 1, count))
    if kind == "load":
        return load(
            draw(st.sampled_from([0, 1024])),
            0,
            16,
            16,
            index=index,
            step=draw(st.sampled_from([0, 64])),
        )
    if kind == "mm":
        return product(draw(st.sampled_from(["mm", "mma"])), draw(slot), draw(slot), 0, (1, 16, 16))
    return tensor("unary", "exp", (1, 1, (2, other)), place(), place())


def scalars(index, other, times):
    """Ways to work out the other register of a loop body."""
    immediate = Instruction("s.imm", imm=(3,), rd=other)
    parity = Instruction("s", "mod", imm=(2,), rd=other, ra=index)
    last = [
        Instruction("s", "sub", imm=(-1,), rd=other, ra=0),
        Instruction("s", "add", rd=other, ra=other, imm=(times + 4,)),
        Instruction("s", "sub", rd=other, ra=other, rb=index),
        Instruction("s", "min", imm=(5,), rd=other, ra=other),
    ]
    grows = Instruction("s", "add", imm=(1,), rd=other, ra=other)
    return st.sampled_from([[], [], [immediate], [parity], last, [grows]])


@st.composite
def programs(draw):
    times = draw(st.integers(5, 60))
    body = draw(st.lists(steps(1, 2), min_size=1, max_size=6))
    body = [*draw(scalars(1, 2, times)), *body]
    if draw(st.integers(0, 2)) == 0:
        inner = draw(st.lists(steps(3, 4), min_size=1, max_size=3))
        again = draw(st.integers(1, 9))
        body.insert(
            draw(st.integers(0, len(body))), loop(again, 3, [*draw(scalars(3, 4, again)), *inner])
        )
    before = draw(st.lists(steps(0, 0), max_size=3))
    after = draw(st.lists(steps(1, 2), max_size=3))
    items = [*before, loop(times, 1, body), *after]
    segments = [("d", "work", (1 << 14,))]
    return program(items, segments, machine=draw(machines()), memory={"vmem": ROOM})


def figures(result):
    """Everything a timing says that extrapolation must not change."""
    counters = result.counters.to_dict()
    del counters["extrapolated"]
    return result.cycles, counters, result.bounds.macs, result.bounds.on_chip


@settings(max_examples=60, deadline=None)
@given(programs())
def test_extrapolated_is_simulated(code):
    fast, slow = timed(code), timed(code, extrapolate=False)
    assert figures(fast) == figures(slow)
    assert fast.bounds.cycles <= fast.cycles


@settings(max_examples=25, deadline=None)
@given(programs())
def test_critical_path_never_overstates(code):
    shapes = Shapes(code.instructions, code.machine)
    some = critical_path(shapes, tree(code), {}, [])

    whole = patch.object(dataflow, "LONG", 1 << 30), patch.object(dataflow, "REMEMBERED", 1 << 30)
    with whole[0], whole[1], patch.object(Recent, "replace", Recent.add):
        assert some <= critical_path(shapes, tree(code), {}, [])


def test_critical_path_of_a_chain_is_whole():
    # Each step adds to what the last one left: depth 4 + 1 a step, and a first load.
    chain = loop(1000, 1, [binary("add", 0, 0, 64, 8), binary("add", 128, 192, 256, 8)])
    code = program([tensor("fill", "", (1, 1, 8), vm(0), imm=(0.0,)), chain])
    assert timed(code).bounds.critical_path == 5 * 1001


def test_a_moving_chain_adds_up():
    # y[t + 1] = y[t] + b, at an address that moves: the dependence moves along.
    step = binary("add", vm(64, index=1, step=32), vm(32, index=1, step=32), vm(0), 8)
    code = program([loop(400, 1, [step])])
    # The last iterations hang on the moving part that was left out: they are not counted twice.
    assert 5 * 395 <= timed(code).bounds.critical_path <= 5 * 400
