"""Loops evaluated at once say what walking them iteration by iteration says."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.isa.instruction import Instruction
from rnncc.simulator.structure import Loop, parse
from rnncc.simulator.together import by_vectors
from rnncc.simulator.vectors import Unfit
from rnncc.simulator.walker import Walker
from rnncc.simulator.walking import by_walking
from tests.support.sim_programs import binary, flatten, loop, tensor, vm

KINDS = [
    *("add", "sub", "mul", "div", "ceildiv", "mod", "min", "max"),
    *("lt", "le", "eq", "ne", "and", "or", "xor"),
]


@st.composite
def bodies(draw, depth):
    """Scalar arithmetic on any register, instructions at addresses and with extents from it, loops inside."""
    register = st.integers(0, 5)
    items = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["scalar"] * 3 + ["immediate", "tensor", "extent", "loop"]))
        if kind == "scalar":
            given: dict[str, Any]
            if draw(st.booleans()):
                given = {"imm": (draw(st.sampled_from([-3, 0, 1, 2, 4, 1 << 40])),)}
            else:
                given = {"rb": draw(register)}
            items.append(
                Instruction(
                    "s", draw(st.sampled_from(KINDS)), rd=draw(register), ra=draw(register), **given
                )
            )
        elif kind == "immediate":
            items.append(Instruction("s.imm", rd=draw(register), imm=(draw(st.integers(-4, 4)),)))
        elif kind == "loop" and depth:
            inside = draw(bodies(depth - 1))
            items.append(Instruction("s.imm", rd=5, imm=(draw(st.integers(0, 4)),)))
            items.append(loop(4, draw(st.integers(1, 4)), inside, draw(st.sampled_from([0, 5]))))
        elif kind == "extent":
            items.append(tensor("unary", "exp", (1, 1, (2, draw(register))), vm(0), vm(64)))
        else:
            places = [
                vm(64, (0, 0, 4), draw(register), draw(st.sampled_from([0, 4, -8]))) for _ in "abc"
            ]
            places = [vm(64) if not p.index or not p.index_stride else p for p in places]
            items.append(binary("add", places[0], places[1], places[2], 4))
    return items


@settings(max_examples=150, deadline=None)
@given(bodies(2), st.integers(1, 40), st.lists(st.integers(-5, 50), min_size=5, max_size=5))
def test_vectors_are_walks(body, count, values):
    code = flatten([loop(count, 1, body)])
    walker = Walker(code, dict(enumerate(values, 1)), [], 10**6)
    (item,) = parse(code).items
    assert isinstance(item, Loop)
    try:
        fast = by_vectors(walker, item, count)
    except Unfit:
        return
    slow = by_walking(walker, item, count)
    assert (fast is None) == (slow is None)
    if fast is None or slow is None:
        return
    assert (fast.period, fast.start, fast.end) == (slow.period, slow.start, slow.end)
    moves = [{site: by for site, by in one.step.items() if by} for one in (fast, slow)]
    assert moves[0] == moves[1]
    assert list(fast.states) == list(slow.states)
