"""hoist-input-projection{policy=auto}: never more cycles than hoisting always or never, and the same values."""

import numpy as np
import pytest

import rnncc
from rnncc.compiler import Compilation
from rnncc.dialects._main import main_function
from rnncc.errors import PassError
from rnncc.interpreter import run
from rnncc.passes._remarks import remarks_of
from rnncc.passes._trial import SAVING
from tests.unit.batch.models import cell_model

TEXT = "front,decompose-cells,fuse-gates,batch-sequences{{{size}}},{hoist}lower-lengths,canonicalize,cse,dce,back"
CHOICES = {
    "never": "",
    "always": "hoist-input-projection,",
    "auto": "hoist-input-projection{policy=auto},",
}


def _cycles(model, shape, target, size) -> dict[str, int]:
    """Cycles with each choice."""
    found = {}
    for name, hoist in CHOICES.items():
        text = TEXT.format(size=f"size={size}", hoist=hoist)
        program = rnncc.compile(model, target=target, shapes={"x": shape}, pipeline=text)
        found[name] = program.run(None, values=False).cycles or 0
    return found


@pytest.mark.parametrize(
    ("target", "size", "best"),
    [
        ("edge", 8, "never"),  # the products of 8 rows and 60 steps do not fit on chip
        ("edge", 1, "always"),
        ("bw-s10", 64, "never"),
        ("tpu-v1", 8, "always"),  # weights are streamed: once instead of at each step
    ],
)
def test_it_takes_the_better_one(target, size, best):
    found = _cycles(cell_model("LSTM", features=256, hidden=256), (60, 1, 256), target, size)
    worse = "always" if best == "never" else "never"
    if worse == "always" or target == "tpu-v1":
        assert found[best] * 1.2 < found[worse]
    assert found["auto"] <= min(found.values()) * (1 + 1 / SAVING)


@pytest.mark.parametrize(("kind", "direction"), [("LSTM", "forward"), ("GRU", "bidirectional")])
def test_values_and_the_remark(kind, direction):
    model = cell_model(kind, features=8, hidden=64, layers=2, direction=direction)
    text = TEXT.format(size="size=8", hoist=CHOICES["auto"])
    compilation = Compilation(model, target="edge", shapes={"x": (400, 1, 8)}, pipeline=text)
    before = compilation.module("rnn")
    notes = [n for n in remarks_of(main_function(before)) if n.startswith("hoist-input-projection")]
    assert any("stay in the step" in n or "are hoisted" in n for n in notes)
    x = np.random.default_rng(0).standard_normal((5, 8, 8)).astype(np.float32)
    got = compilation.program().run({"x": x}).outputs
    for name, value in run(before, {"x": x}).items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-5)


def test_packed_scans_may_be_hoisted_too():
    model = cell_model("GRU", features=64, hidden=256)
    text = TEXT.format(size="size=4 policy=pack", hoist=CHOICES["auto"])
    module = Compilation(model, target="tpu-v1", shapes={"x": (6, 1, 64)}, pipeline=text).module(
        "rnn"
    )
    assert "nn.matmul" in str(module).split("rnn.scan")[0]
    program = rnncc.compile(model, target="tpu-v1", shapes={"x": (6, 1, 64)}, pipeline=text)
    x = np.random.default_rng(0).standard_normal((6, 4, 64)).astype(np.float32)
    inputs = {"x": x, "lengths": np.array([2, 6, 0, 4], np.int32)}
    got = program.run(inputs).outputs
    for name, value in run(module, inputs).items():
        np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-4)


def test_an_unknown_policy():
    with pytest.raises(PassError, match="unknown policy 'atuo'") as error:
        rnncc.compile(
            cell_model("GRU"),
            shapes={"x": (3, 1, 3)},
            pipeline="front,decompose-cells,hoist-input-projection{policy=atuo},back",
        )
    assert "did you mean 'auto'" in str(error.value.hint)
