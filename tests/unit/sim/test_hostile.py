"""Programs that do what a machine refuses are stopped with the instruction's number."""

import numpy as np
import pytest
from sim_programs import at, binary, copy, load, loop, product, program, tensor, unary, vm

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.simulator import simulate

SEGMENTS = [("c", "const", np.ones((4, 4), np.float32)), ("w", "work", (64,))]


def s_imm(register, value):
    return Instruction("s.imm", imm=(value,), rd=register)


CASES = {
    "before": ([s_imm(1, -1), unary("neg", vm(0, index=1, step=4), 0, 4)], r"instruction 1 \(unary.neg\).*outside"),
    "after": ([s_imm(1, 9999), unary("neg", 0, vm(0, index=1, step=64), 4)], "outside.*vmem 0x9c3c0"),
    "loop": ([loop(5000, 1, [unary("neg", 0, vm(0, index=1, step=64), 4)])], r"instruction 1 .*outside"),
    "static": ([unary("neg", (1 << 16) - 8, 0, 4)], "leave segment 'vmem'"),
    "nowhere": ([copy(vm(0), at("dram", 1 << 30), (1, 1, 4))], "0x40000000 is outside every segment"),
    "const": ([copy(at("dram", 0), vm(0), (1, 1, 4))], "writes const segment 'c'"),
    "misaligned": ([unary("neg", 2, 0, 4)], "misaligned"),
    "extent": ([s_imm(1, -2), tensor("unary", "neg", (1, 1, (3, 1)), vm(0), vm(0))], "negative extent -6"),
    "large extent": (
        [s_imm(1, 1 << 40), tensor("unary", "neg", (1, 1, (3, 1)), vm(0), vm(0))],
        "leave segment",
    ),
    "zero": ([Instruction("s", "div", imm=(0,), rd=1, ra=1)], "division by zero"),
    "count": ([s_imm(1, 11), loop(10, 2, [], register=1)], "loop count 11"),
    "negative count": ([s_imm(1, -1), loop(10, 2, [], register=1)], "loop count -1"),
    "no matrix": ([product("mm", 0, 64, 0, (1, 4, 4))], "no 4 x 4 float32 matrix was loaded at wmem address 0x0"),
    "wmem": ([load(1 << 30, 0, 4, 4)], "leaves the memory"),
    "gather": (
        [
            tensor("fill", "", (1, 1, 1), vm(0), types=("i32",), imm=(4,)),
            tensor(
                "gather", "", (1, 1, 4), vm(64, (0, 0, 4)), at("dram", 0, (16, 0, 4)), vm(0, (4, 0, 0)),
                types=("f32", "f32", "i32"), imm=(4,),
            ),
        ],
        r"instruction 1 \(gather\): gather index outside a table of 4 rows",
    ),
    "endless": ([loop(1 << 40, 1, [loop(1 << 40, 2, [binary("add", 0, 0, 0, 1)])])], "too many"),
    "endless scalars": (
        [s_imm(3, 1 << 40), loop(1 << 40, 1, [Instruction("s", "add", imm=(1,), rd=2, ra=2)], register=3)],
        "too many",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refused(name):
    items, message = CASES[name]
    with pytest.raises(SimulationError, match=message):
        simulate(program(items, SEGMENTS), {}, timing=False)


def test_endless_timing():
    deep = loop(
        1 << 40, 1, [Instruction("s", "add", imm=(1,), rd=2, ra=2), binary("add", 0, 0, 0, 1)]
    )
    with pytest.raises(SimulationError, match="too many"):
        simulate(program([deep]), None, values=False, max_instructions=10_000)


def test_registers_wrap():
    square = Instruction("s", "mul", rd=1, ra=1, rb=1)
    items = [s_imm(1, 3), loop(2000, 2, [square])]
    simulate(program(items), {})


def test_nesting_is_limited():
    inner = []
    for register in range(1, 20):
        inner = [loop(1, register, inner)]
    with pytest.raises(SimulationError, match="deeper than 16"):
        simulate(program(inner), {})
