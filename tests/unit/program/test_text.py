"""Whole programs as text."""

import dataclasses

import ml_dtypes
import numpy as np
import pytest

from rnncc.errors import AssemblyError, MachineError, ProgramError
from rnncc.isa.asm import assemble_program, disassemble
from rnncc.machine import load_machine
from rnncc.program.text import external_constants


def array(program, name):
    values = program.segment[name].array
    assert values is not None
    return values


def same(a, b):
    assert (a.words == b.words).all() and a.instructions == b.instructions
    for field in dataclasses.fields(a):
        if field.name not in ("words", "segments", "cache"):
            assert getattr(a, field.name) == getattr(b, field.name), field.name
    assert set(a.segments) == set(b.segments)
    for segment in a.segments:
        if segment.array is not None:
            np.testing.assert_array_equal(segment.array, b.segment[segment.name].array)


def test_round_trip(program, constants):
    assert program.source_map[0] == "lstm / W" and program.symbols["T"].register == 1
    text = disassemble(program)
    assert "dram[x : 0, 0, 4]" in text and '@ "lstm / W"' in text and ".machine edge\n" in text
    assert external_constants(program).keys() == {"big"}
    same(assemble_program(text, external_constants(program)), program)


def test_round_trip_of_a_machine_of_ones_own(program, constants):
    edge = load_machine("edge")
    program.machine = dataclasses.replace(edge, vector=dataclasses.replace(edge.vector, lanes=96))
    text = disassemble(program)
    assert ".machine {\n" in text
    same(assemble_program(text, constants), program)


def test_machine_file_beside_the_text(tmp_path, text, constants):
    (tmp_path / "mine.toml").write_text('name = "mine"\ninherits = "edge"\n[vector]\nlanes = 16\n')
    program = assemble_program(
        text.replace("edge", "mine.toml", 1), constants, str(tmp_path / "prog.s")
    )
    assert program.machine.vector.lanes == 16


def test_every_type_of_constant_round_trips(tmp_path):
    rows = {
        "f16": "[1.5, -2]", "bf16": "[1.5, -inf]", "f32": "[0.1, nan]", "f64": "[0.1, 1e300]", "i1": "[1, 0]",
        "i8": "[-128, 127]", "i16": "[-1, 2]", "i32": "[-1, 2]", "i64": "[-9223372036854775808, 1]", "ui8": "[255, 0]",
    }  # fmt: skip
    text = (
        ".machine edge\n"
        + "".join(f".const c_{t} {t} [2] = {v}\n" for t, v in rows.items())
        + "halt\n"
    )
    program = assemble_program(text)
    assert array(program, "c_bf16").dtype == ml_dtypes.bfloat16
    again = assemble_program(disassemble(program))
    for segment in program.segments:
        assert array(program, segment.name).tobytes() == array(again, segment.name).tobytes()
    # A file of arrays gives bfloat16 back as raw bytes.
    np.savez(tmp_path / "c.npz", big=np.arange(64, dtype=ml_dtypes.bfloat16))
    program = assemble_program(
        ".machine edge\n.const big bf16 [64]\nhalt", dict(np.load(tmp_path / "c.npz"))
    )
    assert array(program, "big")[63] == 63


def test_names_of_any_kind():
    text = '.machine edge\n.input "a b/c:0 \\"é" f32 ["N t":4] at 0x40\n.symbol "N t" 4 r2\n.work r7 f32 [2]\nhalt'
    program = assemble_program(text.replace(" r7 ", ' "r7" '))
    assert program.inputs[0].name == 'a b/c:0 "é' and program.segment["r7"].address == 0x80
    same(assemble_program(disassemble(program)), program)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (".machine edge", "", "no .machine directive\n(.*\n)*  hint: start with: .machine edge"),
        (".machine edge", ".machine {\nname = 3\n}", "a.s:3: 'name' must be a string, not 3"),
        (".machine edge", ".machine {\nname = 3\n", "not closed by a line with } alone"),
        (".scale", ".scala", "a.s:3:1: unknown directive '.scala'\n(.*\n)*  hint: did you mean '.scale'"),
        (".scale wmem=2", ".isa 99", "a.s:3:6: ISA version 99; this assembler knows 1"),
        (".scale wmem=2", ".scale wmen=2", "unknown memory 'wmen'"),
        (".scale wmem=2", ".numerics exat", "unknown numerics 'exat'\n(.*\n)*  hint: did you mean 'exact'"),
        ("[4, 4] at", "[4, 5] at", "16 values for a constant of 20 elements"),
        (".const big f32 [64]", ".const bug f32 [64]", "no values for constant 'bug'"),
        (".const big f32 [64]", ".const big f32 [63]", "the array given for 'big' is float32 .64."),
        (".const big f32 [64]", ".const big i8 [2] = hex \"00\"", "1 bytes for a constant of 2"),
        (".const big f32 [64]", ".const big i8 [2] = hex \"0g\"", "not hexadecimal digits"),
        (".const big f32 [64]", ".const big i1 [2] = hex \"0002\"", "an i1 element is neither 0 nor 1"),
        (".const big f32 [64]", ".const big i8 [1] = [300]", "a value does not fit i8"),
        (".const big f32 [64]", ".const w f32 [64]", "a.s:6:8: segment 'w' is defined twice"),
        (".const big f32 [64]", ".const big f32 [T:25]", "only inputs and outputs have axes"),
        (".const big f32 [64]", ".const big f32 [-1]", "negative extent -1"),
        ('.report "{', '.report "[', "report: not valid JSON"),
        ("dram[x :", "dram[xx :", "unknown segment 'xx'"),
        ("\n  halt", "\n.isa 1\n  halt", "directives come before the instructions"),
        ("dram[w : 0, 16, 4]", "dram[w : 0, 32, 4]",
         "a.s:11:3: dma: operand 'src': touches dram bytes 0x0..0x70, outside segment 'w'"),
    ],
)  # fmt: skip
def test_refused(text, constants, old, new, message):
    assert old in text
    with pytest.raises((AssemblyError, MachineError), match=message):
        assemble_program(text.replace(old, new, 1), constants, "a.s")


def test_what_no_line_can_be_blamed_for(text, constants):
    with pytest.raises(ProgramError, match="segments 'w' and 'big' overlap"):
        assemble_program(text.replace("at 0x80", "at 0x20"), constants)
