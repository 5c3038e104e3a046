"""The plug-in's table of contents leads to real dialects and passes."""

import subprocess
import sys

import pytest

from rnncc.universe import ALL_DIALECTS, ALL_PASSES


@pytest.mark.parametrize("name", ["rnn", "nn", "npu"])
def test_dialects_load(name: str):
    assert ALL_DIALECTS[name]().name == name


def test_naming_the_passes_imports_none_of_them():
    code = "import sys, rnncc.universe; print([m for m in sys.modules if m.startswith('rnncc.passes.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert ALL_PASSES
