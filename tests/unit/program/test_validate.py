"""Programs that must not run, each refused with what and where."""

import dataclasses

import numpy as np
import pytest

from rnncc.errors import ProgramError
from rnncc.isa.asm import assemble
from rnncc.isa.instruction import Instruction
from rnncc.machine import load_machine
from rnncc.program import Port, Program, Segment, Symbol

W = np.arange(16, dtype=np.float32).reshape(4, 4)
SEGMENTS = (
    Segment("w", "const", 0x0, "f32", (4, 4), W),
    Segment("x", "input", 0x40, "f32", (25, 4)),
    Segment("y", "output", 0x200, "f32", (25, 4)),
    Segment("s", "work", 0x400, "f32", (64,)),
)


def make(text="halt", instructions=None, **parts):
    """A program of some instructions over the segments above."""
    defaults = {
        "segments": SEGMENTS,
        "inputs": (Port("x", "f32", (25, 4), ("T", ""), "x"),),
        "outputs": (Port("y", "f32", (25, 4), ("T", ""), "y"),),
        "symbols": {"T": Symbol(25, 1)},
        "machine": load_machine("edge"),
    }
    return Program.build(instructions or assemble(text), **(defaults | parts))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s.imm r1, 1", "the last instruction is not halt"),
        ("halt\nhalt", "instruction 0: halt: only the last instruction may halt"),
        ("host 0\nhalt", "instruction 0: host: call 0 is not among 0 host functions"),
        ("loop r0, 3\nendloop\nhalt", "instruction 0: loop: r0 cannot hold the index"),
        ("loop r2, -3\nendloop\nhalt", "instruction 0: loop: negative count -3"),
        ("loop r2, 3\nloop r2, 3\nendloop\nendloop\nhalt",
         "instruction 1: loop: writes r2, the index of the loop at 0"),
        ("loop r2, 3\ns.imm r2, 3\nendloop\nhalt", "instruction 1: s.imm: writes r2, the index of the loop at 0"),
        ("jmp a\nloop r2, 3\na: s.imm r3, 1\nendloop\nhalt", "instruction 0: jmp: goes to 2, into or out of a loop"),
        ("loop r2, 3\nbeqz r3, a\nendloop\na: halt", "instruction 1: beqz: goes to 3, into or out of a loop"),
        ("a: s.imm r3, 1\njmp a\nhalt", "instruction 1: jmp: goes backward to 0; only loops repeat"),
        ("jmp a\nhalt\na:", "instruction 0: jmp: goes to 2, beyond the last instruction 1"),
        ("loop r2, 9999999999999\nendloop\nhalt",
         "the loops around it run the program beyond 10000000000 instructions"),
        (
            "loop r2, 300000\nloop r3, r9 max 300000\ns.imm r4, 1\nendloop\nendloop\nhalt",
            "instruction 2: s.imm: the loops around it",
        ),
        ("fill f32 vmem[0x100000], value=0\nhalt", "address 0x100000 is outside vmem of 1048576 bytes"),
        ("fill f32 [1, 1, 2] vmem[0xffffc : 0, 0, 4], value=0\nhalt",
         "touches vmem bytes 0xffffc..0x100004, outside vmem"),
        ("fill f32 [1, 1, 2] vmem[0x0 : 0, 0, -4], value=0\nhalt", "touches vmem bytes -0x4..0x4, outside vmem"),
        (
            "fill f32 [4294967295, 4294967295, 4294967295] vmem[0x0 : 8589934588, 0, 4], value=0\nhalt",
            "operand 'dst': touches vmem bytes 0x0..0x",
        ),
        ("fill f32 vmem[0x2], value=0\nhalt", "operand 'dst': base 2 is not a multiple of the 4-byte element"),
        ("fill f32 vmem[0x0 : 0, 0, 6], value=0\nhalt", "are not multiples of the 4-byte element"),
        ("fill f32 vmem[0x0 + r1*6], value=0\nhalt", "index stride 6 is not a multiple"),
        ("dma f32 vmem[0], dram[0x1000]\nhalt", "operand 'src': address 0x1000 of dram is in no segment"),
        ("dma f32 vmem[0], dram[0x1d0]\nhalt", "address 0x1d0 of dram is in no segment"),
        ("dma f32 [1, 1, 17] vmem[0 : 0, 0, 4], dram[0x0 : 0, 0, 4]\nhalt",
         "0x0..0x44, outside segment 'w' at 0x0..0x40"),
        ("dma f32 dram[0x0], vmem[0]\nhalt", "operand 'dst': writes the const segment 'w'"),
        ("dma f32 dram[0x40], vmem[0]\nhalt", "operand 'dst': writes the input segment 'x'"),
        ("dma f32 [1, 1, 5*r1] vmem[0 : 0, 0, 4], dram[0x40 : 0, 0, 4]\nhalt", "0x40..0x234, outside segment 'x'"),
        (
            "loop r2, r1 max 26\ndma f32 vmem[0], dram[0x40 + r2*16]\nendloop\nhalt",
            "touches dram bytes 0x1d0..0x1d4 at index 25, outside segment 'x'",
        ),
        ("gather f32,f32,i64 [1, 1, 4] vmem[0 : 0, 0, 4], dram[0 : 16, 0, 4], vmem[64], rows=5\nhalt",
         "'table': touches"),
        ("gather f32,f32,i64 [1, 1, 4] vmem[0 : 0, 0, 4], dram[0 : 16, 0, 4], vmem[64], rows=-5\nhalt",
         "a table of -5 rows"),
        ("dma f32 [2, 4, 4] wmem[0 : 0, 16, 4], dram[0 : 0, 16, 4]\nhalt", "dma: into wmem goes one matrix at a time"),
        ("dma f32 [1, 4, 4] wmem[0 : 0, 20, 4], dram[0 : 0, 16, 4]\nhalt", "rows of weights in wmem must be dense"),
        ("dma f32 [1, 4, 4] wmem[0 : 0, 4, 16], dram[0 : 0, 16, 4]\nhalt", "rows of weights in wmem must be dense"),
        ("s.read r2, f32 dram[0x600]\nhalt", "operand 'a': address 0x600 of dram is in no segment"),
    ],
)  # fmt: skip
def test_instructions(text, message):
    with pytest.raises(ProgramError, match=message):
        make(text).validate()


@pytest.mark.parametrize(
    "text",
    [
        "loop r2, r1 max 25\ndma f32 [1, 1, 4] vmem[0 : 0, 0, 4], dram[0x40 + r2*16 : 0, 0, 4]\nendloop\nhalt",
        "dma f32 [1, 1, 4*r1] dram[0x200 : 0, 0, 4], vmem[0 : 0, 0, 4]\nhalt",
        # What only the run can tell: an address from a computed register, a last iteration that a branch leaves out.
        "s.mul r3, r1, 1000\ndma f32 vmem[0], dram[0x40 + r3*16]\nhalt",
        "loop r2, 25\ns.lt r3, r2, 24\nbeqz r3, a\ndma f32 vmem[0], dram[0x50 + r2*16]\na: endloop\nhalt",
        # An extent of 0 touches nothing.
        "fill f32 [1, 0, 9000000] vmem[0x0 : 0, 0, 4], value=0\nhalt",
        "loop r2, 0\nfill f32 vmem[0 + r2*4], value=0\nendloop\nhalt",
        "dma f32 [1, 1, 4] vmem[12 : 0, 0, -4], dram[0x30 : 0, 0, 4]\nhalt",
    ],
)
def test_accepted(text):
    make(text).validate()


def test_bad_targets_of_words_that_no_assembler_writes():
    halt = Instruction("halt")
    bad = {
        "loop: ends at 9, outside the program": [Instruction("loop", rd=2, imm=(3,), target=9),
            Instruction("endloop"), halt],
        "says that it ends at 2, but its endloop is at 1": [
            Instruction("loop", rd=2, imm=(3,), target=2), Instruction("endloop"), halt,
        ],
        "instruction 0: endloop without a loop": [Instruction("endloop"), halt],
        "instruction 0: loop: never ends": [Instruction("loop", rd=2, imm=(3,), target=1), halt],
        "jmp: goes to 4000000000, beyond": [Instruction("jmp", target=4_000_000_000), halt],
    }  # fmt: skip
    for message, instructions in bad.items():
        with pytest.raises(ProgramError, match=message):
            make(instructions=instructions).validate()


def replaced(number, **fields):
    parts = list(SEGMENTS)
    parts[number] = dataclasses.replace(parts[number], **fields)
    return {"segments": tuple(parts)}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (replaced(1, name="w"), "segment 'w': the name is used twice"),
        (replaced(3, kind="heap"), "segment 's': unknown kind 'heap'"),
        (replaced(3, address=-4), "segment 's': bytes -0x4"),
        (replaced(3, address=1 << 39), "are outside the dram of 4294967296 bytes"),
        (replaced(3, shape=(1 << 62,)), "are outside the dram"),
        (replaced(3, address=0x402), "address 0x402 is not a multiple"),
        (replaced(3, address=0x300), "segments 'y' and 's' overlap"),
        (replaced(3, array=W), "segment 's': only constants have values"),
        (replaced(0, array=None), "segment 'w': the constant has no values"),
        (replaced(0, array=W[:2]), r"declared f32 \[4, 4\], but its values are float32 \[2, 4\]"),
        (replaced(0, array=W.astype(np.int32)), "but its values are int32"),
        (replaced(0, array=W.T), "segment 'w': the values are not contiguous"),
        ({"symbols": {"T": Symbol(0, 1)}}, "symbol 'T': maximum 0 is outside"),
        ({"symbols": {"T": Symbol(25, 0)}}, "symbol 'T': register 0 is outside 1..31"),
        ({"symbols": {"T": Symbol(25, 3), "U": Symbol(2, 3)}}, "symbols 'T' and 'U' share a register"),
        ({"symbols": {"U": Symbol(25, 3)}}, "input 'x': unknown symbol 'T'"),
        ({"symbols": {"T": Symbol(24, 3)}}, "input 'x': an extent of 25 is no multiple of the maximum of symbol 'T'"),
        ({"inputs": ()}, "segment 'x': no input of the program uses it"),
        ({"inputs": (Port("x", "f32", (25, 4), ("T", ""), "y"),)}, "input 'x': 'y' is no input segment"),
        ({"inputs": (Port("x", "f32", (25, 4), ("T", ""), "z"),)}, "input 'x': 'z' is no input segment"),
        ({"inputs": (Port("x", "f32", (25, 4), ("T",), "x"),)}, "input 'x': 1 symbols for 2 axes"),
        ({"inputs": (Port("x", "f16", (25, 4), ("T", ""), "x"),)}, "input 'x': type or shape differs"),
        ({"inputs": (Port("x", "f32", (25, 4), ("T", ""), "x"),) * 2}, "input 'x': the name is used twice"),
        (
            {"inputs": tuple(Port(name, "f32", (25, 4), ("T", ""), "x") for name in "ab")},
            "input 'b': segment 'x' belongs to another port already",
        ),
        ({"numerics": "fast"}, "numerics 'fast' is neither exact nor machine"),
        ({"isa_version": 2}, "the program is for ISA version 2, this rnncc runs version 1"),
        ({"scale": {"dram": 1}}, "scale: needs dram, wmem and vmem"),
        ({"scale": {"dram": 1, "wmem": 1000, "vmem": 1}},
         "1000 container bytes for a native byte of wmem: legal are 1..4"),
        ({"memory": {"vmem": 1 << 21}}, "memory: 2097152 bytes of vmem, which has 1048576"),
        ({"source_map": ("a", "b")}, "source map: 2 entries for 1 instructions"),
    ],
)  # fmt: skip
def test_the_rest(parts, message):
    with pytest.raises(ProgramError, match=message):
        make(**parts).validate()
