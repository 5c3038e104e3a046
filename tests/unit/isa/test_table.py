"""The table and the formats check themselves, and the reference page follows them."""

from dataclasses import replace
from pathlib import Path

import pytest

import rnncc.isa
from rnncc.isa.asm import assemble
from rnncc.isa.encode import used_fields
from rnncc.isa.fields import FORMATS, WORD_BITS, BitField, WordFormat, check_format
from rnncc.isa.readme import example, readme
from rnncc.isa.table import BY_OPCODE, INSTRUCTIONS, check_table


@pytest.mark.parametrize("layout", FORMATS.values(), ids=lambda layout: layout.name)
def test_every_bit_belongs_to_one_field(layout):
    covered = 0
    for field in layout.fields:
        assert not covered & field.mask
        covered |= field.mask
    assert covered == (1 << WORD_BITS) - 1


def test_overlapping_and_missing_bits_are_found():
    low, high = BitField("low", 511, 0, ""), BitField("high", 1023, 512, "")
    check_format(WordFormat("good", "", (high, low)))
    with pytest.raises(ValueError, match="'high' overlaps the field below it at bit 512"):
        check_format(WordFormat("bad", "", (low, replace(high, low=511))))
    with pytest.raises(ValueError, match="'high' leaves bits uncovered at bit 512"):
        check_format(WordFormat("bad", "", (low, replace(high, low=513))))
    with pytest.raises(ValueError, match="covers 1023 of 1024"):
        check_format(WordFormat("bad", "", (low, replace(high, high=1022))))
    with pytest.raises(ValueError, match="two fields of one name"):
        check_format(WordFormat("bad", "", (low, replace(high, name="low"))))


def test_table_mistakes_are_found():
    mm, halt = INSTRUCTIONS["mm"], INSTRUCTIONS["halt"]
    with pytest.raises(ValueError, match="'other' and 'mm' share opcode 0x30"):
        check_table((mm, replace(mm, op="other")))
    with pytest.raises(ValueError, match="share the mnemonic 'mm'"):
        check_table((mm, replace(mm, opcode=0x99)))
    with pytest.raises(ValueError, match="opcode 0x0 is outside"):
        check_table((replace(mm, opcode=0),))
    with pytest.raises(ValueError, match="unknown engine"):
        check_table((replace(mm, engine="warp"),))
    with pytest.raises(ValueError, match="has no field 'kind'"):
        check_table((replace(halt, kinds={"now": 1}),))


def test_every_used_field_exists_and_no_reserved_one_is_used():
    for spec in BY_OPCODE.values():
        fields = FORMATS[spec.layout].by_name
        assert not any(fields[name].reserved for name in used_fields(spec)), spec.op


def test_readme_is_generated():
    page = Path(rnncc.isa.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert page == readme(), "run: python -m rnncc.isa.readme > rnncc/isa/README.md"


@pytest.mark.parametrize(
    "op", [op for op, spec in INSTRUCTIONS.items() if not spec.targets and op != "endloop"]
)
def test_examples_of_the_readme_assemble(op):
    assert assemble(example(INSTRUCTIONS[op]))[0].op == op
