"""What is shipped: a wheel built from the source distribution works, and xDSL finds the plug-in."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built through the source distribution, which is where symbolic links get lost."""
    folder = tmp_path_factory.mktemp("dist")
    copy = folder / "source"
    # Git knows what belongs to the project; building in the checkout would leave folders behind.
    run("git", "clone", "-q", str(ROOT), str(copy))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), cwd=copy)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_what_the_links_lead_to(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "rnncc/dialects/rnn.py",
        "rnncc/passes/pipelines.py",
        "rnncc/machine/edge.toml",
        "rnncc/isa/README.md",
        "rnncc/py.typed",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("dialects/", "passes/", "tests/"))]


def test_the_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import rnncc.dialects.rnn as d, rnncc; print(d.__file__); rnncc.compile"
    environment = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.stdout.startswith(str(tmp_path))


def test_only_one_import_path():
    code = "import dialects"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1
    assert "import rnncc.dialects, not dialects" in done.stderr


def test_xdsl_opt_knows_the_plug_in(tmp_path: Path):
    source = tmp_path / "identity.mlir"
    source.write_text(
        "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
        "  %0 = nn.unary tanh %x : tensor<2xf32> -> tensor<2xf32>\n  func.return %0 : tensor<2xf32>\n}\n"
    )
    text = run(str(Path(sys.executable).with_name("xdsl-opt")), str(source), "-p", "lower-to-npu")
    assert "npu.unary tanh" in text
