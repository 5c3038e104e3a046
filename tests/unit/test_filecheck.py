"""Runs the lit files, one folder a test, so that `pytest` alone runs everything."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "filecheck"
FOLDERS = sorted(
    {p.parent.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.mlir")}
    | {p.parent.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.test")}
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_lit(folder: str):
    files = sorted(p for p in (FOLDER / folder).iterdir() if p.suffix in (".mlir", ".test"))
    command = [sys.executable, "-c", "from lit.main import main; main()", "-v", "-j1"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
