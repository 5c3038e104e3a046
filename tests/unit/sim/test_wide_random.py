"""Random loops on a small memory: executed at once or not, they leave the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_programs import at, copy, load, loop, tensor, vm
from wide_programs import INDEX, OUT, OUTER, PARITY, SUM, W, agree, build, scalar

from rnncc.isa.instruction import Instruction, Operand

AHEAD = 6
"""The register that holds the parity of the next iteration."""
NUMBERS = [
    scalar("mod", PARITY, INDEX, 2),
    scalar("add", AHEAD, INDEX, 1),
    scalar("mod", AHEAD, AHEAD, 2),
    scalar("mul", 5, OUTER, 4),
    Instruction("s", "add", rd=SUM, ra=5, rb=INDEX),
]
"""What the registers hold."""
ADDRESS = st.integers(0, 30).map(lambda n: 16 * n)
STEP = st.sampled_from([0, 0, 4, 8, 16, 16, 16, 32, -16])


@st.composite
def operand(draw: Any, strides: tuple[int, int, int], base: int = 512) -> Operand:
    """In vector memory: fixed, moving, taking turns, or with the outer loop."""
    index = draw(
        st.sampled_from([0, INDEX, INDEX, INDEX, PARITY, PARITY, AHEAD, AHEAD, OUTER, SUM])
    )
    step = draw(STEP)
    return vm(base + draw(ADDRESS), strides, index, step) if step else vm(draw(ADDRESS), strides)


@st.composite
def bodies(draw: Any) -> list:
    """A few instructions on a small memory, so that many of them meet."""
    items: list = [*NUMBERS]
    kinds = st.sampled_from(["neg", "max", "add", "copy", "panel", "rows", "fill", "reduce", "out"])
    for kind in draw(st.lists(kinds, min_size=1, max_size=5)):
        dense, column = (0, 0, 4), (0, 4, 0)
        if kind in ("max", "add"):
            items.append(
                tensor("binary", kind, (1, 1, 4), *(draw(operand(dense)) for _ in range(3)))
            )
        elif kind == "neg":
            rows = draw(st.sampled_from([(16, 0, 4), (0, 8, 4)]))
            bounds = (2, 1, 4) if rows[0] else (1, 2, 2)
            items.append(tensor("unary", "neg", bounds, draw(operand(rows)), draw(operand(rows))))
        elif kind == "copy":
            source = at("dram", 16, dense, INDEX, draw(st.sampled_from([4, 16])))
            items.append(copy(draw(operand(dense)), source, (1, 1, 4)))
        elif kind == "fill":
            items.append(tensor("fill", "", (1, 1, 4), draw(operand(dense)), imm=(2.0,)))
        elif kind == "reduce":
            to = draw(operand((4, 0, 0)))
            items.append(tensor("reduce", "max", (2, 1, 2), to, draw(operand((8, 0, 4)))))
        elif kind == "out":
            to = at("dram", OUT + 64, dense, draw(st.sampled_from([INDEX, SUM])), 16)
            items.append(copy(to, draw(operand(dense)), (1, 1, 4)))
        else:
            accumulate = draw(st.sampled_from(["mm", "mma"]))
            w = Operand("wmem", draw(st.sampled_from([0, 32])), 0, 0, (0, 16, 4))
            if kind == "panel":
                index = draw(st.sampled_from([PARITY, 0]))
                w = Operand("wmem", 64, index, 64 if index else 0, (0, 16, 4))
                source = at("dram", W, (0, 16, 4), INDEX, draw(st.sampled_from([64, 16, 32])))
                items.append(copy(w, source, (1, 4, 4)))
            m = draw(st.sampled_from([1, 2]))
            out = column if m == 1 else (16, 4, 0)
            x = draw(operand((16, 0, 4)))
            items.append(tensor(accumulate, "", (m, 4, 4), draw(operand(out)), x, w))
    return items


@settings(max_examples=200, deadline=None)
@given(bodies(), st.integers(2, 9), st.integers(1, 3))
def test_random_loops(body, count, outer):
    start = [load(0, W, 4, 4), load(128, W + 64, 4, 4)]
    after = [copy(at("dram", OUT, index=INDEX, step=16), vm(256, index=PARITY, step=16), (1, 1, 4))]
    agree(build([*start, loop(outer, OUTER, [loop(count, INDEX, body)]), *after]))


@st.composite
def pipelines(draw: Any) -> list:
    """A copy in, a few steps and a copy out, in any order, through buffers of one place or two."""
    dense = (0, 0, 4)
    slot = st.tuples(
        st.sampled_from([0, PARITY, PARITY, AHEAD, AHEAD]), st.sampled_from([0] * 6 + [4])
    )

    def place(number: int) -> Operand:
        index, moved = draw(slot)
        base = 1024 + 64 * number + moved
        return vm(base, dense, index, 16) if index else vm(base)

    length = draw(st.integers(1, 3))
    items = [copy(place(0), at("dram", 16, dense, INDEX, 16), (1, 1, 4))]
    for number in range(length):
        if draw(st.booleans()):
            items.append(tensor("unary", "neg", (1, 1, 4), place(number + 1), place(number)))
        else:
            other = place(draw(st.integers(0, length)))
            to = place(number + 1)
            items.append(tensor("binary", "add", (1, 1, 4), to, place(number), other))
    index = draw(st.sampled_from([INDEX, INDEX, SUM]))
    items.append(copy(at("dram", OUT + 64, dense, index, 16), place(length), (1, 1, 4)))
    return [*NUMBERS, *draw(st.permutations(items))]


@settings(max_examples=150, deadline=None)
@given(pipelines(), st.integers(5, 9), st.integers(1, 2))
def test_random_pipelines(body, count, outer):
    agree(build([loop(outer, OUTER, [loop(count, INDEX, body)])]))
