"""The pipeline files of the samples: each command on top of a file prints the lines that the file says it prints."""

import re
import shlex
from pathlib import Path

import pytest

from rnncc.__main__ import main
from rnncc.pipeline import parse

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "samples" / "pipelines").glob("*.pipeline"))
FASTER = re.compile(r"# At least ([\d.]+) times as fast as ")


def commands(file: Path) -> list[tuple[str, list[str]]]:
    """The commands of a file, each with the lines that it must print."""
    found: list[tuple[str, list[str]]] = []
    for line in file.read_text().splitlines():
        if line.startswith("# $ rnncc "):
            found.append((line.removeprefix("# $ rnncc "), []))
        elif line.startswith("# > "):
            found[-1][1].append(line.removeprefix("# > "))
    return found


def pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("..."))


def test_every_file_has_commands_and_is_listed():
    readme = (ROOT / "samples" / "pipelines" / "README.md").read_text()
    assert len(FILES) >= 5
    for file in FILES:
        assert f"({file.name})" in readme
        assert all(lines for _, lines in commands(file)), file.name
        assert commands(file)
        parse(f"@{file}")


@pytest.mark.parametrize("file", FILES, ids=[f.stem for f in FILES])
def test_commands_print_what_the_file_says(file, capsys, tmp_path, monkeypatch):
    for folder in ("samples", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    gains = []
    for command, lines in commands(file):
        assert main(shlex.split(command)) == 0
        out = capsys.readouterr().out
        place = 0
        for line in lines:
            match = re.compile(pattern(line)).search(out, place)
            assert match, f"{command}\nprints no line '{line}' after the ones before it:\n{out}"
            place = match.end()
        gains += re.findall(r"\(([\d.]+) times as fast\)", out)
    if stated := FASTER.search(file.read_text()):
        assert gains and float(gains[0]) >= float(stated[1])
