"""Runs the lit files, one folder a test, so that `pytest` alone runs everything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from warm_server import VARIABLE, warm_server

FOLDER = Path(__file__).resolve().parents[1] / "filecheck"
FOLDERS = sorted(
    {p.parent.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.mlir")}
    | {p.parent.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.test")}
)


@pytest.fixture(scope="module")
def environment():
    """Of lit: commands come from one process that has imported everything."""
    with warm_server() as socket:
        yield {**os.environ, VARIABLE: socket}


@pytest.mark.parametrize("folder", FOLDERS)
def test_lit(folder: str, environment: dict[str, str]):
    files = sorted(p for p in (FOLDER / folder).iterdir() if p.suffix in (".mlir", ".test"))
    command = [sys.executable, "-c", "from lit.main import main; main()", "-v", "-j1"]
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
