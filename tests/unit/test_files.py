"""Files appear whole or not at all, and what cannot be written is said by name, before the work."""

import os
import stat

import pytest

from rnncc.__main__ import main
from rnncc.bench.models import recurrent_model
from rnncc.errors import InputError
from rnncc.files import atomic_file, target_file


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out.bin"
    with atomic_file(path) as stream:
        stream.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"one" and os.listdir(tmp_path) == ["out.bin"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_link_keeps_leading_to_its_file(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with atomic_file(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_device_is_named():
    with (
        pytest.raises(InputError, match="/dev/full: cannot be written: No space left"),
        atomic_file("/dev/full") as stream,
    ):
        stream.write(b"x" * 100_000)
    assert not os.path.isfile("/dev/full")


def test_targets(tmp_path):
    with pytest.raises(InputError, match="is a folder, not a file to write"):
        target_file(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        target_file(tmp_path / "no" / "x")
    with pytest.raises(InputError, match="is empty"):
        target_file("")


@pytest.mark.parametrize(
    "arguments",
    [["run", "--timing-only", "--trace"], ["run", "--output"], ["report", "-o"], ["compile", "-o"]],
    ids=" ".join,
)
def test_commands_say_so_before_they_compile(tmp_path, capsys, monkeypatch, arguments):
    import onnx

    from rnncc.compiler import Compilation

    model = tmp_path / "m.onnx"
    onnx.save(recurrent_model("RNN", 4, 2), model)
    monkeypatch.setattr(Compilation, "module", lambda *_: pytest.fail("compiled first"))
    command, *options = arguments
    assert main([command, str(model), *options, str(tmp_path / "no" / "x.html")]) == 1
    assert "there is no folder" in capsys.readouterr().err
