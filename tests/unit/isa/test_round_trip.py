"""Every instruction survives encode -> decode and disassemble -> assemble."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.isa.asm import assemble, disassemble
from rnncc.isa.decode import decode, decode_all
from rnncc.isa.encode import encode, encode_all, is_float_immediate
from rnncc.isa.instruction import ONES, Extent, Instruction, Operand
from rnncc.isa.table import INSTRUCTIONS, MNEMONICS
from rnncc.isa.typerules import type_problem
from rnncc.isa.types import ELEMENT_TYPES

REGISTERS = st.integers(0, 31)
STRIDES = st.integers(-(1 << 33), (1 << 33) - 1)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
DOUBLES = st.floats(allow_nan=False)


@st.composite
def instructions(draw, mnemonic):
    """Any legal instruction of one mnemonic, loops and branches aside from their targets."""
    op, kind = MNEMONICS[mnemonic]
    spec = INSTRUCTIONS[op]
    types = _types(draw, spec, kind)
    operands = []
    for described in spec.operands:
        index = draw(REGISTERS)
        strides = [draw(STRIDES) if axis in described.axes else 0 for axis in range(3)]
        operands.append(
            Operand(
                draw(st.sampled_from(described.memories)),
                draw(st.integers(0, (1 << 40) - 1)),
                index,
                draw(st.integers(-(1 << 35), (1 << 35) - 1)) if index else 0,
                (strides[0], strides[1], strides[2]),
            )
        )
    extents = ONES
    if spec.layout == "tensor":
        e = [Extent(draw(st.integers(0, (1 << 32) - 1)), draw(REGISTERS)) for _ in range(3)]
        extents = (e[0], e[1], e[2])
    immediates = tuple(
        draw(DOUBLES if is_float_immediate(spec, n, types) else INT64)
        for n in range(len(spec.immediates))
    )
    registers = {name: draw(REGISTERS) for name in spec.registers}
    if op == "s" and draw(st.booleans()):
        immediates = ()
    elif op == "s":
        registers["rb"] = 0
    return Instruction(op, kind, types, extents, tuple(operands), immediates, **registers)


def _types(draw, spec, kind):
    anything = st.sampled_from(sorted(ELEMENT_TYPES))
    choices = st.tuples(*[anything] * len(spec.operands)) if spec.operands else st.just(())
    if spec.typing == "same":
        choices = anything.map(lambda name: (name,) * len(spec.operands))
    elif spec.typing in ("compare", "select", "gather"):
        pattern = {"compare": "iaa", "select": "aiaa", "gather": "aan"}[spec.typing]
        choices = anything.map(
            lambda name: tuple({"i": "i1", "n": "i64", "a": name}[c] for c in pattern)
        )
    elif spec.typing == "index":
        choices = anything.map(lambda name: ("i64", name))
    elif spec.typing == "matrix":
        choices = st.sampled_from([("f32",) * 3, ("f32", "f32", "bf16"), ("i32", "i8", "i8")])
    trial = Instruction(spec.op, kind)
    return draw(
        choices.filter(lambda types: type_problem(spec, replace(trial, types=types)) is None)
    )


@pytest.mark.parametrize("mnemonic", sorted(MNEMONICS))
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_words_and_text(mnemonic, data):
    instruction = data.draw(instructions(mnemonic))
    assert decode(encode(instruction)) == instruction
    if not INSTRUCTIONS[instruction.op].targets and instruction.op != "endloop":
        text = disassemble([instruction])
        assert assemble(text) == [instruction], text


def test_not_a_number_survives():
    fill = Instruction("fill", types=("f32",), operands=(Operand("vmem", 0),), imm=(math.nan,))
    (back,) = assemble(disassemble([fill]))
    assert math.isnan(back.imm[0]) and math.isnan(decode(encode(fill)).imm[0])


def test_control_flow_round_trip():
    text = """
    s.imm r3, -7
    beqz r3, out
      loop r5, r4 max 25 @ "loop of \\"lstm\\""
        loop r6, 3
          beqz r6, next     ; comment
          s.add r7, r6, 1
          next:
        endloop
      endloop
    jmp out
    out: halt
    """
    program = assemble(text)
    assert [item.op for item in program].count("endloop") == 2
    assert program[1].target == 9 and program[2].target == 7 and program[4].target == 6
    again = disassemble(program)
    assert assemble(again) == program and disassemble(assemble(again)) == again
    assert decode_all(encode_all(program)) == program


def test_decode_takes_the_words_of_a_program_in_any_order_of_opcodes():
    lines = (
        "s.imm r1, 5\nfill i32 [1, 2, 3] vmem[0x10 : 0, 12, 4], value=-3\ns.mul r2, r1, r1\nhalt"
    )
    program = assemble(lines)
    words = encode_all(program)
    assert words.shape == (4, 128) and words.dtype == np.uint8
    assert decode_all(words) == program
    assert decode_all(words[:0]) == []
