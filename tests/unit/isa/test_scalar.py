"""Scalar arithmetic at the ends of 64 bits: the definition, the walker and a program's values agree."""

import numpy as np
import pytest
from sim_programs import at, copy, loop, program, vm

from rnncc.isa.instruction import Instruction
from rnncc.isa.scalar import SCALAR_KINDS, evaluate
from rnncc.isa.table import INSTRUCTIONS
from rnncc.simulator import simulate
from rnncc.simulator.structure import parse
from rnncc.simulator.walker import Walker

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
EDGES = (LOWEST, LOWEST + 1, -7, -1, 0, 1, 2, 1 << 62, HIGHEST)


def cut(value: int) -> int:
    """The low 64 bits, by their bytes."""
    return int.from_bytes((value % (1 << 64)).to_bytes(8, "little"), "little", signed=True)


EXACT = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a // b,
    "ceildiv": lambda a, b: a // b + bool(a % b),
    "mod": lambda a, b: a - a // b * b,
    "min": min,
    "max": max,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}


def test_every_kind_is_defined():
    assert set(INSTRUCTIONS["s"].kinds) == SCALAR_KINDS == set(EXACT)


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_the_ends_of_the_range(kind):
    for a in EDGES:
        for b in EDGES:
            if b == 0 and kind in ("div", "ceildiv", "mod"):
                with pytest.raises(ZeroDivisionError):
                    evaluate(kind, a, b)
                continue
            expected = cut(int(EXACT[kind](a, b)))
            assert evaluate(kind, a, b) == expected
            code = [Instruction("s", kind, rd=3, ra=1, rb=2)]
            walker = Walker(code, {1: a, 2: b}, [], 10)
            walker.body(parse(code), _Nothing())
            assert walker.registers[3] == expected


class _Nothing:
    """A sink that notes nothing."""

    def tensor(self, pc, extents, addresses):
        """Not called."""

    def step(self, op):
        """A control instruction."""

    def read(self, pc, address):
        """Not called."""


@pytest.mark.parametrize("kind", ["div", "ceildiv"])
def test_the_lowest_number_by_minus_one_in_a_program(kind):
    """A loop that runs once if the quotient wraps around, as the table of instructions says."""
    code = [
        Instruction("s.imm", imm=(LOWEST,), rd=1),
        Instruction("s", kind, rd=2, ra=1, imm=(-1,)),
        Instruction("s", "eq", rd=3, ra=2, rb=1),
        copy(vm(0), at("dram", 0), (1, 1, 4)),
        loop(1, 4, [copy(at("dram", 64), vm(0), (1, 1, 4))], register=3),
    ]
    x = np.arange(4, dtype=np.float32)
    built = program(code, [("x", "input", (4,)), ("y", "output", (4,))], ["x"], ["y"])
    result = simulate(built, {"x": x})
    assert result.timing and result.timing.counters.engines["dma"].instructions == 2
    np.testing.assert_array_equal(result.outputs["y"], x)
