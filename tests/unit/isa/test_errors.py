"""Wrong instructions, words and assembler text, each refused with a message that says what and where."""

import pytest

from rnncc.errors import AssemblyError, CapacityError, ProgramError
from rnncc.isa.asm import assemble
from rnncc.isa.decode import decode, decode_all
from rnncc.isa.encode import encode, encode_all
from rnncc.isa.fields import FORMATS
from rnncc.isa.instruction import Extent, Instruction, Operand

FILL = Instruction("fill", types=("f32",), operands=(Operand("vmem", 64),), imm=(1.0,))
COPY = Instruction("dma", types=("f32", "f32"), operands=(Operand("vmem", 0), Operand("dram", 0)))


def with_operand(**fields):
    return Instruction(
        "fill",
        types=("f32",),
        operands=(Operand(**({"memory": "vmem", "base": 0} | fields)),),
        imm=(0.0,),
    )


@pytest.mark.parametrize(
    ("instruction", "error", "message"),
    [
        (Instruction("fil"), ProgramError, "unknown operation 'fil'"),
        (Instruction("binary", "plus"), ProgramError, "unknown kind 'plus' of 'binary'"),
        (Instruction("fill"), ProgramError, "0 operands and 0 types instead of 1"),
        (Instruction("s.imm", rd=1), ProgramError, "0 immediates instead of 1"),
        (Instruction("halt", rd=3), ProgramError, "takes no register rd"),
        (Instruction("halt", target=3), ProgramError, "takes no target"),
        (Instruction("s", "add", imm=(1,), rb=2), ProgramError, "either a register or an immediate"),
        (Instruction("s.imm", extents=(Extent(2), Extent(2), Extent(2)), imm=(1,)), ProgramError, "takes no extents"),
        (Instruction("s.imm", imm=(0.5,)), ProgramError, "'value' must be an integer, not 0.5"),
        (Instruction("s.imm", imm=(1 << 63,)), CapacityError, "'value': 9223372036854775808 does not fit"),
        (Instruction("s.imm", rd=32, imm=(1,)), CapacityError,
         "field 'rd' .register.: 32 does not fit, legal are 0..31"),
        (with_operand(base=1 << 40), CapacityError,
         "'op0_base' .*: 1099511627776 does not fit, legal are 0..1099511627775"),
        (with_operand(base=-4), CapacityError, "-4 does not fit"),
        (with_operand(strides=(0, 0, 1 << 33)), CapacityError, "'op0_stride2'.*8589934592 does not fit"),
        (with_operand(memory="dram"), ProgramError, "operand 'dst' must be in vmem, not dram"),
        (with_operand(index_stride=4), ProgramError, "index stride without an index register"),
        (
            Instruction("reduce", "sum", ("f32", "f32"), operands=(Operand("vmem", 0, strides=(0, 0, 4)),) * 2),
            ProgramError,
            "operand 'dst' does not run over e2",
        ),
        (Instruction("dma", types=("f32", "f16"), operands=COPY.operands), ProgramError, "all operands of one type"),
        (Instruction("dma", types=("f3", "f3"), operands=COPY.operands), ProgramError, "unknown element type 'f3'"),
    ],
)  # fmt: skip
def test_encode_refuses(instruction, error, message):
    with pytest.raises(error, match=message):
        encode(instruction)


def test_encode_names_the_instruction():
    with pytest.raises(CapacityError, match=r"^instruction 1: fill: "):
        encode_all([FILL, with_operand(base=-1), FILL])


def poke(instruction, field, value):
    """The instruction's word with one field overwritten."""
    bits = FORMATS["tensor"].by_name[field]
    word = int.from_bytes(encode(instruction), "little") & ~bits.mask
    return (word | value << bits.low).to_bytes(128, "little")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (bytes(128), "instruction 0: unknown opcode 0x00"),
        (poke(FILL, "opcode", 0xFE), "unknown opcode 0xfe"),
        (poke(FILL, "reserved", 4), "bit 885 in field 'reserved' must be zero: the field is reserved"),
        (poke(FILL, "imm1", 1), "field 'imm1' must be zero: the operation does not use it"),
        (poke(FILL, "op3_base", 1), "field 'op3_base' must be zero"),
        (poke(FILL, "kind", 1), "field 'kind' must be zero"),
        (poke(FILL, "type0", 15), "field 'type0' has the unknown value 15"),
        (poke(FILL, "op0_memory", 0), "field 'op0_memory' has the unknown value 0"),
        (poke(FILL, "op0_memory", 1), "operand 'dst' must be in vmem, not dram"),
        (poke(FILL, "op0_index_stride", 8), "index stride without an index"),
        (poke(COPY, "type1", 1), "all operands of one type"),
        (poke(Instruction("reduce", "sum", ("f32",) * 2, operands=(Operand("vmem", 0),) * 2), "kind", 99),
         "unknown kind 99"),
    ],
)  # fmt: skip
def test_decode_refuses(word, message):
    with pytest.raises(ProgramError, match=message):
        decode(word)


def test_decode_refuses_both_a_register_and_an_immediate():
    word = bytearray(encode(Instruction("s", "add", rd=1, ra=1, rb=2)))
    word[120] = 1
    with pytest.raises(ProgramError, match="both a register and an immediate"):
        decode(bytes(word))


def test_decode_names_the_word():
    words = encode_all([FILL, FILL, FILL]).copy()
    words[2, 0] = 0
    with pytest.raises(ProgramError, match=r"^instruction 2: unknown opcode"):
        decode_all(words)
    with pytest.raises(ProgramError, match="uint8 of shape"):
        decode_all(words[:, :64])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nbinry.add f32",
         r"^a.s:2:1: unknown instruction 'binry.add'\n  binry.add f32\n  \^\n  hint: did you mean 'binary.add'"),
        ("fill f3 vmem[0]", r"a.s:1:6: unknown element type 'f3'\n(.*\n)*  hint: did you mean 'f32'"),
        ("fill f32 vmm[0]", r"1:10: unknown memory 'vmm'\n(.*\n)*  hint: did you mean 'vmem'"),
        ("convert f32 vmem[0], vmem[0], vmem[0], 3", "1:31: 'convert' takes no more than 2 operands"),
        ("convert f32 vmem[0], vmem[0], 3", "1:31: 'convert' takes no more than 2 operands"),
        ("fill f32 vmem[0], vaue=1", r"1:19: unknown immediate 'vaue'\n(.*\n)*  hint: did you mean 'value'"),
        ("fill f32 vmem[0], value=1, value=2", "1:28: 'value' is given twice"),
        ("fill i32 vmem[0], value=1.5", "'value' must be an integer, not 1.5"),
        ("fill f32 vmem[0 : 1, 2], value=1", r"1:23: expected ',', found '\]'"),
        ("fill f32 vmem[0 : 4, 0, 99999999999], value=0", "'op0_stride2'.*99999999999 does not fit"),
        ("fill f32 vmem[r1*4 + r2*4], value=0", "one index register"),
        ("fill f32 vmem[lost], value=0", "unknown segment 'lost'"),
        ("dma f32 vmem[0]", "'dma' takes 2 operands and as many types or one: dst, src"),
        ("s.add r3, r32, 1", r"1:11: 'r32' is no register\n(.*\n)*  hint: registers are r0 to r31"),
        ("s.add r3, r1, 1 2", "1:17: unexpected '2' after the end"),
        ("s.add r3", "1:9: expected ',', found the end of the line"),
        ("s.imm r3, 1.5", "expected a number, found '1.5'"),
        ("loop r5, 3", "1:1: this loop has no endloop"),
        ("loop r5, r3\nendloop", "expected 'max'"),
        ("loop r5, r0 max 3\nendloop", "r0 cannot hold the count"),
        ("endloop", "1:1: endloop without a loop"),
        ("jmp outt\nout: halt", "1:1: unknown label 'outt'\n(.*\n)*  hint: did you mean 'out'"),
        ("a: halt\na: halt", "a.s:2:1: label 'a' is defined twice"),
        ('halt @ "x', "1:8: string is not closed"),
        ("halt ?", "1:6: unexpected character '\\?'"),
        (".machine edge", "directives make a whole program"),
    ],
)  # fmt: skip
def test_assembler_refuses(text, message):
    with pytest.raises(AssemblyError, match=message):
        assemble(text, "a.s")
