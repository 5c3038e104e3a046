"""The strict loader: every mistake in a machine file is refused with file, line and reason."""

import math
from pathlib import Path

import pytest

import rnncc.machine
from rnncc.errors import MachineError
from rnncc.machine import load_machine, machine_names, parse_machine

EDGE = Path(rnncc.machine.__file__).with_name("edge.toml").read_text(encoding="utf-8")


def line_of(text, start):
    return next(
        number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start)
    )


def refused(old, new):
    """The message for edge.toml with one piece of text changed."""
    assert old in EDGE
    with pytest.raises(MachineError) as error:
        parse_machine(EDGE.replace(old, new, 1), "my.toml")
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("lanes = 64", "lane = 64", "lane = 64", "unknown key 'vector.lane'\n  hint: did you mean 'lanes'?"),
        ("lanes = 64", "", "[vector]", "missing key 'vector.lanes'"),
        ("[vector]", "[vectors]", "[vectors]", "unknown key 'vectors'\n  hint: did you mean 'vector'?"),
        ("rows = 64", 'rows = "64"', "rows =", "'matrix.rows' must be an integer, not '64'"),
        ("rows = 64", "rows = 64.0", "rows =", "'matrix.rows' must be an integer, not 64.0"),
        ("rows = 64", "rows = true", "rows =", "'matrix.rows' must be an integer, not True"),
        ("rows = 64", "rows = 0", "rows =", "matrix.rows: must not be zero"),
        ("columns = 64", "columns = 0", "columns =", "matrix.columns: must not be zero"),
        ("depth = 12", "depth = -1", "depth = -1", "matrix.depth: -1 is negative"),
        ("chaining = true", "chaining = 1", "chaining", "'chaining' must be true or false, not 1"),
        ("clock_hz = 1e9", "clock_hz = inf", "clock_hz", "must be a finite number, not inf"),
        ('kind = "mvm"', 'kind = "mvn"', "kind", "unknown kind of matrix engine 'mvn' (did you mean 'mvm'?)"),
        ('weights = "bf16"', 'weights = "bf61"', "weights", "unknown number format 'bf61' (did you mean 'bf16'?)"),
        ("fp32 = 0.25", "fp33 = 0.25", "fp33", "unknown number format 'fp33'"),
        ("bf16xfp32 = 1.0", "", "[matrix.rates]", "no rate for the machine's own formats: add 'bf16xfp32'"),
        ("bytes_per_cycle = 25.6", "bytes_per_cycle = 0", "bytes_per_cycle = 0",
         "dma.bytes_per_cycle: must not be zero"),
        ("granule = 128", "granule = 100", "granule = 100", "memories.wmem.granule: 100 is not a power of two"),
        ('size = "4 MiB"', 'size = "4 KiB"', 'size = "4 KiB"',
         "4096 bytes cannot hold one native tile of 64 x 64 (8192 bytes)"),
        ('size = "4 GiB"', "size = 32", "granule = 64", "64 is more than the whole memory of 32 bytes"),
        ('size = "4 MiB"', 'size = "4 MB"', 'size = "4 MB"', "must be bytes or a string such as \"4 MiB\""),
        ('size = "4 MiB"', 'size = "0.3 B"', 'size = "0.3 B"', "must be a whole number of bytes"),
        ('size = "4 GiB"', 'size = "4096 GiB"', 'size = "4096', "beyond the 40-bit addresses"),
        ("[vector.depth]", "[vector.deep]", "[vector.deep]",
         "unknown key 'vector.deep'\n  hint: did you mean 'depth'?"),
        ('"vector.lanes" =', '"vector.lames" =', "[sources]",
         "'vector.lames' is no number of the description (did you mean"),
        ("rows = 64", "rows = 64\nlanes = 65", "lanes = 65", "65 lanes are more than the 64 columns"),
        ("rows = 64", "rows = 64\nsparse_rate = 2", "sparse_rate", "2 is more than 1"),
        ("clock_hz = 1e9", "clock_hz = 0", "clock_hz", "clock_hz: must not be zero"),
        ("bytes_per_cycle = 8192", "bytes_per_cycle = 0.0", "bytes_per_cycle = 0.0",
         "memories.wmem.bytes_per_cycle: must not be zero"),
        ('size = "1 MiB"', "size = 256", "size = 256",
         "256 bytes cannot hold the 64 inputs and 64 outputs of a native tile"),
        ('kind = "mvm"', 'kind = "systolic"', "weight_load_cycles", "a systolic array shifts its weights in"),
        ('accumulate = "fp32"', 'accumulate = "int32"', "accumulate",
         "products of bf16 are floating point, sums in int32 are whole numbers"),
        ('weights = "bf16"', 'weights = "fp64"', "accumulate", "sums in fp32 are narrower than weights in fp64"),
        ("lanes = 64\nunits", 'lanes = 64\nkind = "chian"\nunits', 'kind = "chian"',
         "unknown kind of vector engine 'chian' (did you mean 'chain'?)"),
        ("lanes = 64\nunits", "lanes = 64\nchain_cycles = 3\nunits", "chain_cycles",
         "means nothing for a vector engine of kind 'simd'"),
        ("chaining = true", 'chaining = false\n[sync]\nkind = "bulky"', 'kind = "bulky"',
         "unknown kind of hand-over 'bulky' (did you mean 'bulk'?)"),
        ("[dma]", '[sync]\nkind = "bulk"\n[dma]', 'kind = "bulk"', "has a barrier or an exchange: both are 0"),
        ("[dma]", "[sync]\ncycles = 5\n[dma]", "cycles = 5", "means nothing for a hand-over of kind 'interlock'"),
        ("[dma]", "[dma]\nhost_latency = 5", "host_latency", "means nothing without dma.host_bytes_per_cycle"),
        ("[dma]", "[dma]\nwhole_weight_tiles = 1", "whole_weight_tiles", "must be true or false, not 1"),
        ("[dma]", "[dma]\nhost_bytes_per_cycle = -1", "host_bytes_per_cycle", "-1 is negative"),
        ("chaining = true", 'chaining = true\ncalibrated = ["matrix.dept"]', "calibrated",
         "'matrix.dept' is no number of the description (did you mean 'matrix.depth'?)"),
        ('size = "4 GiB"', 'size = "4 KiB"', 'size = "4 KiB"',
         "memories.dram.size: 4096 bytes cannot hold one native tile of 64 x 64 (8192 bytes)"),
        ("clock_hz = 1e9", "clock_hz = 1e-300", "clock_hz", "1e-300 is beyond any machine: 1000 to 1e+12"),
        ("depth = 12", "depth = " + "9" * 30, "depth = 9", "matrix.depth: 1e+30 is beyond any machine"),
        ("lanes = 64", "lanes = 1000000000000", "lanes = 1000", "vector.lanes: 1e+12 is beyond any machine"),
        ("bf16xfp32 = 1.0", "bf16xfp32 = 1e300", "bf16xfp32 =", "matrix.rates.bf16xfp32: 1e+300 is beyond"),
        ("volts = 0.8", "volts = 500", "volts", "energy.volts: 500 is beyond any machine: 0.1 to 10"),
        ("bytes_per_cycle = 25.6", "bytes_per_cycle = 1e308", "bytes_per_cycle = 1e308", "1e+308 is beyond any"),
        ('accumulate = "fp32"', 'accumulate = "bfp-1s5e2m"', "accumulate", "one exponent for a whole block"),
        ('title = "Edge NPU"', 'title = "a\\u001b[31m"', "title", "title: has a control character ('\\x1b')"),
        ("dma = 8\n", "dma = 0\n", "dma = 0", "control.queue_depth.dma: must not be zero"),
        ("columns = 64", "columns = nan", "columns = nan", "'matrix.columns' must be an integer, not nan"),
        ("latency = 200", "latency = 200\nlatency = 300", "latency = 300", "not valid TOML: Cannot overwrite a value"),
        ('name = "edge"', 'name = "my npu"', "name", "'my npu' must be lower-case letters"),
        ("[control.queue_depth]\ndma = 8\nmatrix = 8\nvector = 8", "queue_depth = 3", "queue_depth = 3",
         "must be a table, not 3"),
    ],
)  # fmt: skip
def test_refused_with_line_and_reason(old, new, place, message):
    text = EDGE.replace(old, new, 1)
    said = refused(old, new)
    assert message in said
    if place == "[sources]":
        place = '"vector.lames"' if "lames" in new else place
    assert said.startswith(f"my.toml:{line_of(text, place)}: "), said


def test_a_chain_engine_needs_chaining():
    text = EDGE.replace("chaining = true", "chaining = false").replace(
        "lanes = 64\nunits", 'lanes = 64\nkind = "chain"\nunits'
    )
    with pytest.raises(MachineError, match=r"my.toml:\d+: chaining: must be true"):
        parse_machine(text, "my.toml")


def test_a_cache_of_weights_takes_no_tiles():
    text = EDGE.replace("granule = 128", "granule = 128\ncache = true")
    text = text.replace("[dma]", "[dma]\nwhole_weight_tiles = true")
    with pytest.raises(MachineError, match=r"my.toml:\d+: dma.whole_weight_tiles: .* is a cache"):
        parse_machine(text, "my.toml")


def test_what_is_calibrated_says_on_what():
    text = EDGE.replace("chaining = true", 'chaining = true\ncalibrated = ["vector.lanes"]')
    lines = [line for line in text.splitlines() if not line.startswith('"vector.lanes"')]
    with pytest.raises(
        MachineError, match=r"my.toml:\d+: calibrated: 'vector.lanes' was calibrated"
    ):
        parse_machine("\n".join(lines), "my.toml")


def test_not_toml():
    with pytest.raises(MachineError, match=r"^my.toml:2: not valid TOML"):
        parse_machine("a = 1\nb = = 2", "my.toml")
    with pytest.raises(MachineError, match=r"nested too deeply|not valid TOML"):
        parse_machine("a = " + "[" * 100_000, "my.toml")


def test_unknown_names():
    with pytest.raises(MachineError, match="unknown machine 'egde'\n  hint: did you mean 'edge'"):
        load_machine("egde")
    with pytest.raises(MachineError, match=r"unknown machine 'zzzzzz'\n  hint: known: .*tpu-v1"):
        load_machine("zzzzzz")
    with pytest.raises(MachineError, match=r"machine file 'no/such.toml' does not exist"):
        load_machine("no/such.toml")


def test_files_that_are_no_machine_files(tmp_path):
    (tmp_path / "bad.toml").write_bytes(b"# text\n\xff\xfe\x00")
    with pytest.raises(MachineError, match=r"bad.toml:2: not a text file \(UTF-8\)"):
        load_machine(tmp_path / "bad.toml")
    (tmp_path / "big.toml").write_text("#" * (1 << 20) + "\n")
    with pytest.raises(MachineError, match="not a machine file"):
        load_machine(tmp_path / "big.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(MachineError, match="is a folder, not a machine file"):
        load_machine(tmp_path / "folder.toml")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(MachineError, match="missing key 'name'"):
        load_machine(tmp_path / "empty.toml")
    (tmp_path / "deep.toml").write_text('name = "m"\n[' + ".".join("a" * 2000) + "]\nb = 1\n")
    with pytest.raises(MachineError, match=r"deep.toml: nested too deeply"):
        load_machine(tmp_path / "deep.toml")
    (tmp_path / "open.toml").write_text('name = "m"\nclock_hz = ')
    with pytest.raises(MachineError, match=r"open.toml:2: not valid TOML"):
        load_machine(tmp_path / "open.toml")


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    (tmp_path / "bom.toml").write_bytes(b'\xef\xbb\xbfname = "m"\r\ninherits = "edge"\r\n')
    assert load_machine(tmp_path / "bom.toml").vector == load_machine("edge").vector


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("matrix = { rows = 0 }", 3, "matrix.rows: must not be zero"),
        ("matrix.rows = 0", 3, "matrix.rows: must not be zero"),
        (
            "[matrix]\nrows = 4096\ncolumns = 4096",
            4,
            "memories.wmem.size: 4194304 bytes cannot hold one native tile",
        ),
        (
            '[matrix]\nkind = "systolic"',
            4,
            "matrix.weight_load_cycles: a systolic array shifts its weights in",
        ),
        (
            "[matrix]\nlanes = 8\ncolumns = 4",
            4,
            "matrix.lanes: 8 lanes are more than the 4 columns",
        ),
        (
            '[sync]\nkind = "bulk"',
            4,
            "sync.cycles: a bulk-synchronous machine has a barrier or an exchange",
        ),
        (
            '[formats]\nweights = "fp64"',
            4,
            "formats.accumulate: sums in fp32 are narrower than weights in fp64",
        ),
    ],
)
def test_a_contradiction_is_blamed_on_the_file_that_makes_it(tmp_path, text, line, message):
    (tmp_path / "child.toml").write_text(f'name = "child"\ninherits = "edge"\n{text}\n')
    with pytest.raises(MachineError) as error:
        load_machine(tmp_path / "child.toml")
    assert f"child.toml:{line}: {message}" in str(error.value)


def test_a_calibrated_number_that_is_changed_is_calibrated_no_more(tmp_path):
    (tmp_path / "m.toml").write_text(
        'name = "m"\ninherits = "plasticine-rnn"\n[matrix]\ndepth = 30\n'
    )
    machine = load_machine(tmp_path / "m.toml")
    assert "matrix.depth" not in machine.calibrated and "matrix.depth" not in machine.sources
    assert "vector.depth" in machine.calibrated


def test_sums_hold_products():
    mixed = EDGE.replace('weights = "bf16"', 'weights = "int8"').replace('"fp32"', '"int16"', 1)
    mixed = mixed.replace("bf16xfp32 = 1.0", "int8xint16 = 1.0")
    with pytest.raises(
        MachineError, match="products of int8 and int16 are whole numbers, sums in fp32"
    ):
        parse_machine(mixed)
    parse_machine(mixed.replace('accumulate = "fp32"', 'accumulate = "int32"'))
    with pytest.raises(MachineError, match="sums in int8 are narrower than activations in int16"):
        parse_machine(mixed.replace('accumulate = "fp32"', 'accumulate = "int8"'))
    # Integers times floats are floats.
    half = mixed.replace('activations = "int16"', 'activations = "fp16"').replace(
        "int8xint16", "int8xfp16"
    )
    assert parse_machine(half).formats.accumulate == "fp32"


def test_inheritance(tmp_path):
    (tmp_path / "wide.toml").write_text('inherits = "edge"\nname = "wide"\n[vector]\nlanes = 128\n')
    (tmp_path / "wider.toml").write_text(
        'name = "wider"\ninherits = "wide.toml"\n[vector]\nunits = 2\n'
    )
    wide, wider, edge = (
        load_machine(tmp_path / "wide.toml"),
        load_machine(tmp_path / "wider.toml"),
        load_machine("edge"),
    )
    assert (wider.name, wider.vector.lanes, wider.vector.units) == ("wider", 128, 2)
    assert wider.matrix == edge.matrix and wider.vector.depth == edge.vector.depth
    # The source of a number that changed would be wrong for the new one.
    assert "vector.lanes" in edge.sources and "vector.lanes" not in wide.sources
    assert "vector.depth" in wider.sources and "vector.units" not in wider.sources


def test_errors_of_inherited_numbers_name_the_file_that_holds_them(tmp_path):
    (tmp_path / "base.toml").write_text(EDGE.replace("granule = 128", "granule = 96"))
    (tmp_path / "child.toml").write_text('name = "child"\ninherits = "base.toml"\n')
    with pytest.raises(
        MachineError, match=rf"base.toml:{line_of(EDGE, 'granule = 128')}: memories.wmem.granule"
    ):
        load_machine(tmp_path / "child.toml")


def test_cycle_of_inheritance(tmp_path):
    (tmp_path / "a.toml").write_text('name = "a"\ninherits = "b.toml"\n')
    (tmp_path / "b.toml").write_text('# b\nname = "b"\ninherits = "a.toml"\n')
    with pytest.raises(
        MachineError, match=r"b.toml:3: cycle of inheritance: a.toml -> b.toml -> a.toml"
    ):
        load_machine(tmp_path / "a.toml")
    (tmp_path / "c.toml").write_text('name = "c"\ninherits = "c.toml"\n')
    with pytest.raises(MachineError, match=r"c.toml:2: cycle of inheritance: c.toml -> c.toml"):
        load_machine(tmp_path / "c.toml")
    (tmp_path / "d").mkdir()
    (tmp_path / "e.toml").write_text('name = "e"\ninherits = "d/../e.toml"\n')
    with pytest.raises(MachineError, match=r"e.toml:2: cycle of inheritance: e.toml -> e.toml"):
        load_machine(tmp_path / "e.toml")


def test_a_long_chain_of_inheritance(tmp_path):
    for i in range(40):
        (tmp_path / f"m{i}.toml").write_text(f'name = "m{i}"\ninherits = "m{i + 1}.toml"\n')
    with pytest.raises(MachineError, match=r"m32.toml:2: more than 32 files that inherit"):
        load_machine(tmp_path / "m0.toml")


def test_bad_parents(tmp_path):
    file = tmp_path / "child.toml"
    file.write_text('name = "child"\n\ninherits = "egde"\n')
    with pytest.raises(
        MachineError, match=r"child.toml:3: unknown machine 'egde'\n  hint: did you mean 'edge'"
    ):
        load_machine(file)
    file.write_text('name = "child"\ninherits = 3\n')
    with pytest.raises(
        MachineError, match=r"child.toml:2: 'inherits' must be a machine's name or file, not 3"
    ):
        load_machine(file)
    file.write_text('inherits = "edge"\n')
    with pytest.raises(MachineError, match=r"child.toml: missing key 'name'"):
        load_machine(file)


def test_embedded_machines_read_no_other_file():
    with pytest.raises(MachineError, match=r"^my.toml:1: an embedded machine must not inherit"):
        parse_machine('inherits = "edge"\nname = "x"\n', "my.toml")


def test_names():
    assert {"edge", "bw-s10", "tpu-v1"} <= set(machine_names())
    assert load_machine("edge") is load_machine("edge")
    assert not math.isnan(load_machine("edge").clock_hz)
