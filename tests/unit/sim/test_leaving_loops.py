"""``breakz``: what is computed, how long it takes, and that extrapolation knows where the loop ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_programs import at, binary, copy, loop, program, tensor, unary, vm

from rnncc.errors import ProgramError, SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.simulator import simulate
from rnncc.simulator.critical import critical_path
from rnncc.simulator.shape import Shapes
from rnncc.simulator.simulate import tree

TURNS = 64


def reading(register, index, base=0):
    """Read flag number R[index] into a register."""
    return Instruction(
        "s.read", types=("f32",), operands=(vm(base, (0, 0, 0), index, 4),), rd=register
    )


def until(body, *, where, count=0, after=()):
    """A program whose loop is left at the first zero among its flags; its outputs are a sum and the last index."""
    leave = [reading(2, 1), Instruction("breakz", ra=2)]
    body = [*body[:where], *leave, *body[where:]]
    head = [copy(vm(0), at("dram", 0), (1, 1, TURNS)), unary("neg", 1024, 1024, 1)]
    if count:
        head.append(Instruction("s.imm", imm=(count,), rd=9))
    items = [
        *head,
        loop(TURNS, 1, body, 9 if count else 0),
        tensor("fill", "", (1, 1, (1, 1)), vm(2048), imm=(1.0,)),
        *after,
        copy(at("dram", 4 * TURNS), vm(1024), (1, 1, 1)),
        copy(at("dram", 4 * TURNS + 64), vm(2048), (1, 1, TURNS)),
    ]
    segments = [
        ("flags", "input", (TURNS,)),
        ("sum", "output", (1,)),
        ("last", "output", (TURNS,)),
        ("room", "work", (16 * TURNS,)),
    ]
    return program(items, segments, ["flags"], ["sum", "last"])


def flags(stop):
    """Flags of which number ``stop`` is the first zero."""
    return np.where(np.arange(TURNS) == stop, 0, 1).astype(np.float32)


ADD = binary("add", 1024, 1024, vm(0, index=1, step=4), 1)


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize(("stop", "count"), [(0, 0), (5, 0), (63, 0), (99, 0), (5, 3), (30, 40)])
def test_the_loop_ends_at_the_first_zero(where, stop, count):
    limit = count or TURNS
    result = simulate(until([ADD], where=where, count=count), {"flags": flags(stop)})
    done = min(stop + (where if stop < limit else 0), limit)
    assert result.outputs["sum"] == flags(stop)[:done].sum()
    # The index register keeps the iteration that left, or the last one.
    assert result.outputs["last"].sum() == min(stop, limit - 1)
    assert result.timing is not None


def test_an_early_end_costs_less():
    code = until([ADD, unary("tanh", 4096, 4096, 64)], where=0)

    def cycles(stop):
        timing = simulate(code, {"flags": flags(stop)}, values=False).timing
        assert timing is not None
        return timing.cycles

    some = [cycles(stop) for stop in (0, 1, 20, 40, 99)]
    assert some == sorted(set(some))


BODIES = st.lists(
    st.sampled_from(
        [
            ADD,
            unary("tanh", 4096, 4096, 40),
            binary("add", vm(8192, index=1, step=64), 4096, 4096, 16),
            copy(at("dram", 8 * TURNS + 64, (0, 0, 4), 1, 64), vm(4096), (1, 1, 16)),
            loop(5, 3, [unary("exp", 4096, 4096, 8)]),
            loop(5, 4, [Instruction("s", "lt", rd=5, ra=4, imm=(3,)), Instruction("breakz", ra=5)]),
            Instruction("s", "mod", rd=6, ra=1, imm=(2,)),
            tensor("unary", "exp", (1, 1, (8, 6)), vm(4096), vm(4096)),
        ]
    ),
    min_size=1,
    max_size=5,
)


def timing(code, stop, **options):
    result = simulate(code, {"flags": flags(stop)}, values=False, **options).timing
    assert result is not None
    return result


@settings(max_examples=25, deadline=None)
@given(BODIES, st.integers(0, 5), st.integers(0, TURNS + 1), st.sampled_from([0, 9, 50]))
def test_extrapolated_is_simulated(body, where, stop, count):
    code = until(body, where=min(where, len(body)), count=count)
    fast, slow = timing(code, stop), timing(code, stop, extrapolate=False)
    assert fast.cycles == slow.cycles
    figures = [t.counters.to_dict() for t in (fast, slow)]
    for one in figures:
        one.pop("extrapolated")
    assert figures[0] == figures[1]
    assert fast.bounds.cycles <= fast.cycles


def test_long_regular_loops_are_not_walked():
    assert (
        timing(until([ADD, unary("tanh", 4096, 4096, 40)], where=2), 60).counters.extrapolated > 0
    )


def test_budget_is_what_was_executed():
    code = until([ADD], where=0)
    simulate(code, {"flags": flags(0)}, timing=False, max_instructions=TURNS * 5)
    inner = loop(10**6, 1, [Instruction("breakz", ra=0)])
    endless = program([loop(1000, 2, [inner, binary("add", 0, 0, 0, 1)])])
    simulate(endless, {}, max_instructions=10**7)


def test_critical_path_ends_with_the_loop():
    code = until([ADD], where=0)
    shapes, body = Shapes(code.instructions, code.machine), tree(code)
    paths = [critical_path(shapes, body, {}, [1] * n + [0]) for n in (1, 20, 60)]
    assert paths == sorted(set(paths))


def test_only_loops_can_be_left():
    code = program([Instruction("breakz", ra=1)])
    with pytest.raises(ProgramError, match="instruction 0: breakz: there is no loop to leave"):
        code.validate()
    with pytest.raises(SimulationError, match="breakz outside a loop"):
        simulate(code, {})


def test_addresses_of_later_turns_may_lie_outside():
    row = copy(vm(0), at("dram", 0, (0, 0, 4), 1, 64), (1, 1, 4))
    segments = [("c", "const", np.zeros((2, 16), np.float32))]
    less = Instruction("s", "lt", rd=2, ra=1, imm=(2,))
    code = program([loop(9, 1, [less, Instruction("breakz", ra=2), row])], segments)
    code.validate()
    simulate(code, {})
    with pytest.raises(ProgramError, match="outside segment 'c'"):
        program([loop(9, 1, [row])], segments).validate()
