"""The ``.rnx`` file: what is written is read back without a copy, and nothing hostile gets in."""

import json
import os

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from rnncc.errors import InputError, ProgramError
from rnncc.isa.asm import assemble_program
from rnncc.program import load
from rnncc.program.tensors import read_tensors, write_tensors


@pytest.fixture
def saved(program, tmp_path):
    path = tmp_path / "p.rnx"
    program.save(path)
    return path


def parts(path):
    """Header (parsed) and data of a file."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def rebuild(path, header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def edit_metadata(path, edit):
    """Change the program's metadata in the file; ``edit`` gets the table, and may return another value."""
    header, data = parts(path)
    table = json.loads(header["__metadata__"]["rnncc"])
    result = edit(table)
    header["__metadata__"]["rnncc"] = result if isinstance(result, str) else json.dumps(table)
    rebuild(path, header, data)


def test_round_trip(saved, program):
    again = load(saved)
    assert again.instructions == program.instructions and (again.words == program.words).all()
    assert again.segments == program.segments
    for name in (
        "inputs",
        "outputs",
        "symbols",
        "machine",
        "memory",
        "scale",
        "numerics",
        "source_map",
        "report",
    ):
        assert getattr(again, name) == getattr(program, name), name
    np.testing.assert_array_equal(again.segment["w"].array, program.segment["w"].array)


def test_constants_are_mapped_and_read_only(saved):
    array = load(saved).segment["big"].array
    assert array is not None
    base = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert base is not None
    assert not array.flags.writeable and array.flags.aligned


def test_safetensors_reads_it(saved):
    with safe_open(saved, "numpy") as file:
        assert set(file.keys()) == {"words", "const/w", "const/big"}
        assert file.get_tensor("const/big")[63] == 63
        assert json.loads(file.metadata()["rnncc"])["isa_version"] == 1


def test_a_flipped_bit_of_a_weight_is_found(saved):
    header, data = parts(saved)
    begin, _ = header["const/w"]["data_offsets"]
    damaged = bytearray(data)
    damaged[begin] ^= 1
    rebuild(saved, header, bytes(damaged))
    with pytest.raises(ProgramError, match="do not match the checksum: the file is damaged"):
        load(saved)
    del header["__metadata__"]["crc32"]
    rebuild(saved, header, bytes(damaged))
    load(saved)  # another tool may leave the checksum out


def test_every_type_and_empty_arrays(tmp_path):
    dtypes = [
        np.float16,
        ml_dtypes.bfloat16,
        np.float32,
        np.float64,
        np.bool_,
        np.int8,
        np.int16,
        np.int32,
        np.int64,
        np.uint8,
    ]
    arrays = {str(n): np.ones((n, 3), dtype) for n, dtype in enumerate(dtypes)}
    arrays["scalar"] = np.array(2.5)
    write_tensors(tmp_path / "t", arrays, {"a": "b"})
    again, metadata = read_tensors(tmp_path / "t")
    assert metadata == {"a": "b"} and again.keys() == arrays.keys()
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype and again[name].flags.aligned
        np.testing.assert_array_equal(again[name], array)
    write_tensors(tmp_path / "e", {}, {})
    assert read_tensors(tmp_path / "e") == ({}, {})


def test_saving_is_atomic(saved, program, monkeypatch):
    before = saved.read_bytes()

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"p.rnx: cannot be written: disk full"):
        program.save(saved)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == ["p.rnx"]


def test_a_program_may_replace_the_file_it_was_loaded_from(saved):
    again = load(saved)
    again.save(saved)
    array = load(saved).segment["big"].array
    assert array is not None and array[5] == 5


def test_missing_and_cut_off_files(saved, tmp_path):
    with pytest.raises(ProgramError, match=r"cannot read program .*No such file"):
        load(tmp_path / "none.rnx")
    with pytest.raises(ProgramError, match=r"cannot read program .*directory"):
        load(tmp_path)
    raw = saved.read_bytes()
    for length in (0, 5, 8, 100, len(raw) - 1):
        saved.write_bytes(raw[:length])
        with pytest.raises(ProgramError, match=r"not a program file|cut off|not valid JSON"):
            load(saved)
    saved.write_bytes(raw + b"x")
    with pytest.raises(ProgramError, match="1 bytes after the last tensor"):
        load(saved)
    saved.write_bytes(b"\xff" * 8 + raw[8:])
    with pytest.raises(ProgramError, match="not a program file"):
        load(saved)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"[1, 2]", "header: not an object"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"a": NaN}', "NaN is not allowed"),
        (b"[" * 100_000, "nested too deeply|not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        ({"__metadata__": {"a": 1}}, "must map names to strings"),
        ({"a": {"dtype": "F32", "shape": [1]}}, "'a': must have dtype, shape and data_offsets"),
        ({"a": {"dtype": "F7", "shape": [1], "data_offsets": [0, 4]}}, "unknown dtype 'F7'"),
        ({"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, "unknown dtype"),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, "non-negative integers"),
        ({"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}, "non-negative integers"),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, "shape .2. does not take 4 bytes"),
        ({"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 4]}}, "does not take 4 bytes"),
        ({"a": {"dtype": "F32", "shape": [1 << 20], "data_offsets": [0, 1 << 22]}}, "the file is cut off"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "leaves a hole before it"),
        ({n: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for n in "ab"}, "overlaps another"),
        ({"a": {"dtype": "BOOL", "shape": [8], "data_offsets": [0, 8]}}, "bytes other than 0 and 1"),
        ({"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, "not a program: no 'rnncc' metadata"),
    ],
)  # fmt: skip
def test_hostile_headers(tmp_path, header, message):
    path = tmp_path / "bad.rnx"
    rebuild(path, header, bytes([0, 2, 0, 0, 0, 0, 0, 0]))
    with pytest.raises(ProgramError, match=message):
        load(path)


def set_key(*path_and_value):
    *path, value = path_and_value

    def edit(table):
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda table: "[]", "metadata: not an object"),
        (lambda table: "{", "metadata: not valid JSON"),
        (set_key("isa_version", 2), "the program is for ISA version 2, this rnncc reads version 1"),
        (set_key("isa_version", True), "ISA version True"),
        (lambda table: table.pop("isa_version") and None, "ISA version None"),
        (set_key("extra", 1), "unknown key 'extra'"),
        (lambda table: (table.pop("hosts") and None) or (table.pop("inputs") and None), "is missing or no list"),
        (set_key("numerics", 3), "'numerics' is missing or no str"),
        (set_key("numerics", "fast"), "neither exact nor machine"),
        (set_key("machine", "name = 3"), "metadata: machine:1: 'name' must be a string"),
        (set_key("machine", 'inherits = "edge"'), "must not inherit"),
        (lambda t: set_key("machine", t["machine"].replace("lanes = 64", "lames = 64"))(t),
         "unknown key 'vector.lames'"),
        (set_key("segments", 0, ["w"]), r"metadata: segments\[0\]: must be \[str, str, int, str, list\]"),
        (set_key("segments", 0, 3, "f99"), r"segments\[0\]: unknown element type 'f99'"),
        (set_key("segments", 0, 4, [4, -4]), "at most 32 non-negative integers"),
        (set_key("segments", 0, 4, [4, 5]), "but its values are float32"),
        (set_key("segments", 0, 0, "v"), "tensor 'const/w' belongs to no const segment"),
        (set_key("segments", 0, 1, "work"), "tensor 'const/w' belongs to no const segment"),
        (set_key("inputs", 0, 3, ["T", 3]), "must be a list of strings"),
        (set_key("symbols", "T", [25]), r"symbols: 'T': must be \[int, int\]"),
        (set_key("memory", "cache", 3), "memory: must map dram, wmem, vmem to integers"),
        (set_key("scale", "vmem", 1.5), "scale: must map"),
        (set_key("source_map", {"names": []}), "source_map: must have names and index"),
        (set_key("source_map", "index", 0, 99), "source_map: an index is beyond the names"),
        (set_key("hosts", [1]), "hosts: must be a list of strings"),
    ],
)  # fmt: skip
def test_hostile_metadata(saved, edit, message):
    edit_metadata(saved, edit)
    with pytest.raises(ProgramError, match=message) as error:
        load(saved)
    assert str(error.value).startswith(str(saved))


def test_hostile_words(saved):
    header, data = parts(saved)
    start = header["words"]["data_offsets"][0]
    for position, byte, message in [
        (0, 0, "instruction 0: unknown opcode 0x00"),
        (110, 0xFF, "instruction 0: dma: bit 88"),
    ]:
        bad = bytearray(data)
        bad[start + position] = byte
        rebuild(saved, header, bytes(bad))
        with pytest.raises(ProgramError, match=message):
            load(saved)
    header["words"]["shape"] = [header["words"]["shape"][0] * 2, 64]
    rebuild(saved, header, data)
    with pytest.raises(ProgramError, match="tensor 'words' is missing or not bytes of shape"):
        load(saved)


def test_unexpected_tensors(saved):
    header, data = parts(saved)
    header["other"] = header.pop("const/big")
    rebuild(saved, header, data)
    with pytest.raises(ProgramError, match="unexpected tensor 'other'"):
        load(saved)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_damage_is_refused_or_harmless(tmp_path_factory, data):
    """Flipping any byte gives a ProgramError or another valid program, never another exception."""
    path = tmp_path_factory.mktemp("damage") / "p.rnx"
    text = ".machine edge\n.const c f32 [4] = [1, 2, 3, 4]\n"
    text += "dma f32 [1, 1, 4] vmem[0 : 0, 0, 4], dram[c : 0, 0, 4]\nhalt"
    assemble_program(text).save(path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw))
    try:
        load(path).validate()
    except ProgramError as error:
        assert str(error)
