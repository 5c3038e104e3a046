"""quantize: weights and operands against NumPy written from the definition; ranges from calibration inputs."""

import numpy as np
import onnx
import pytest

from rnncc.__main__ import main
from rnncc.bench.models import recurrent_model
from rnncc.dialects import nn
from rnncc.dialects._main import main_function
from rnncc.errors import PassError
from rnncc.interpreter import run
from rnncc.passes._approximate import approximations
from rnncc.random_inputs import random_inputs
from tests.unit.lower.build import Graph

from .stacks import Network, inputs_for, remarks, transform


def rows(w: np.ndarray, bits: int) -> np.ndarray:
    """Symmetric integers, a scale a row, written out."""
    out = np.zeros_like(w)
    for i, row in enumerate(w):
        scale = max(abs(float(v)) for v in row) / (2 ** (bits - 1) - 1)
        for j, v in enumerate(row):
            out[i, j] = np.float32(round(float(v) / scale) * scale)
    return out


def dense(transposed: bool = True):
    rng = np.random.default_rng(3)
    w = rng.normal(size=(5, 4)).astype(np.float32)
    g = Graph()
    x = g.input((3, 4))
    weights = g.const(w if transposed else w.T)
    y = g.add(nn.MatmulOp(x, weights, transpose_b=transposed))
    return g.module(y), w, rng.normal(size=(3, 4)).astype(np.float32)


def inputs_of(module, x):
    return {next(iter(random_inputs(module, seed=0))): x}


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(("form", "bits"), [("int8", (8, 8)), ("int8xint16", (8, 16))])
def test_integers_with_ranges(tmp_path, transposed, form, bits):
    module, w, x = dense(transposed)
    given = inputs_of(module, x)
    np.savez(tmp_path / "x.npz", **given)  # pyright: ignore
    module = transform(module, f'quantize{{format={form} calibration="{tmp_path}/x.npz"}}')
    scale = float(np.abs(x).max()) / (2 ** (bits[1] - 1) - 1)
    q = np.rint(x / np.float32(scale)) * np.float32(scale)
    expected = q @ rows(w, bits[0]).T
    for more in (1.0, 3.0):
        # Beyond the range of the calibration inputs, operands saturate.
        got = next(iter(run(module, inputs_of(module, (x * np.float32(more)))).values()))
        if more == 1.0:
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
        else:
            bound = np.abs(x).max() * np.abs(rows(w, bits[0])).sum(1)
            assert (np.abs(got) <= bound * 1.0001).all()
    notes = remarks(module)
    assert any("1 product has weights in int8" in note for note in notes)
    assert any("outputs on the calibration inputs: relative error 0.0" in note for note in notes)
    assert approximations(main_function(module)) == [f"quantize{{format={form}}}"]


def test_without_inputs_integers_keep_their_operands():
    module, w, x = dense()
    module = transform(module, "quantize{format=int8}")
    got = next(iter(run(module, inputs_of(module, x)).values()))
    np.testing.assert_allclose(got, x @ rows(w, 8).T, rtol=1e-5, atol=1e-6)
    assert any("integers need calibration inputs" in note for note in remarks(module))


def test_the_machines_own_format():
    module, w, x = dense()
    module = transform(module, "quantize{target=v100}")
    got = next(iter(run(module, inputs_of(module, x)).values()))
    half = lambda v: v.astype(np.float16).astype(np.float32)  # noqa: E731
    np.testing.assert_allclose(got, half(x) @ half(w).T, rtol=1e-6, atol=1e-6)


def test_block_floating_point_and_fp32():
    module, _, x = dense()
    before = next(iter(run(module, inputs_of(module, x)).values()))
    coarse = transform(module, "quantize{target=bw-s10}")
    got = next(iter(run(coarse, inputs_of(coarse, x)).values()))
    assert 1e-3 < np.abs(got - before).max() / np.abs(before).max() < 0.5
    assert any("numerics machine rounds to bfp-1s5e2m" in note for note in remarks(coarse))
    same = transform(dense()[0], "quantize{format=fp32}")
    np.testing.assert_array_equal(next(iter(run(same, inputs_of(same, x)).values())), before)
    assert approximations(main_function(same)) == []


def test_inside_a_recurrence(tmp_path):
    net = Network(("lstm", "gru"))
    module = transform(net.module(), "decompose-cells")
    given, _ = inputs_for(net, module)
    before = run(module, given)
    np.savez(tmp_path / "x.npz", **given)  # pyright: ignore
    path = f"{tmp_path}/x.npz"
    after = run(transform(module, f'quantize{{format=int8xint16 calibration="{path}"}}'), given)
    for name, value in before.items():
        assert 0 < np.abs(after[name] - value).max() < 0.02
    with pytest.raises(PassError, match=r"quantize: rnn.lstm is in the function") as error:
        transform(net.module(), "quantize{format=int8}")
    assert "after decompose-cells" in str(error.value)


def test_ranges_of_several_files(tmp_path):
    module, w, x = dense()
    for k, factor in enumerate((1, 3, 2)):
        np.savez(tmp_path / f"{k}.npz", **inputs_of(module, x * np.float32(factor)))  # pyright: ignore
    paths = ",".join(f"{tmp_path}/{k}.npz" for k in range(3))
    module = transform(module, f'quantize{{format=int8 calibration="{paths}"}}')
    scale = np.float32(3 * np.abs(x).max() / 127)
    got = next(iter(run(module, inputs_of(module, x)).values()))
    np.testing.assert_allclose(got, np.rint(x / scale) * scale @ rows(w, 8).T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantize{format=int9}", "no format 'int9'"),
        ("quantize{format=int8xfp16}", "no product of int8 and fp16"),
        ("quantize{format=int32}", "weights in int32 are not simulated"),
        ('quantize{calibration="nowhere.npz"}', "cannot read calibration inputs"),
    ],
)
def test_refusals(text, message):
    with pytest.raises(PassError, match=message):
        transform(dense()[0], text)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"PK\x03\x04 cut off", "not an .npz file of plain arrays"),
        ("a.npy", None, "holds one array, not named ones"),
    ],
)
def test_calibration_files_that_are_none(tmp_path, name, content, message):
    path = tmp_path / name
    if content is None:
        np.save(path, np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(PassError, match=message):
        transform(dense()[0], f'quantize{{calibration="{path}"}}')


def test_weights_that_are_not_float32_stay_and_are_named():
    g = Graph()
    x = g.input((3, 4), np.float64)
    y = g.add(nn.MatmulOp(x, g.const(np.ones((5, 4)), np.float64), transpose_b=True))
    module = transform(g.module(y), "quantize{format=int8}")
    assert any("1 products keep their weights, which are not float32" in n for n in remarks(module))
    assert approximations(main_function(module)) == []


def test_inputs_that_do_not_fit(tmp_path):
    def refused(**arrays):
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(PassError) as error:
            transform(dense()[0], f'quantize{{format=int8 calibration="{tmp_path}/x.npz"}}')
        return str(error.value)

    name = next(iter(inputs_of(dense()[0], 0)))
    x = np.ones((3, 4), np.float32)
    said = refused(**{name: x, "label": np.zeros(3)})
    assert f"x.npz': the model has no input 'label'\n  hint: its inputs: {name}" in said
    assert "has shape [3, 5]" in refused(**{name: np.ones((3, 5), np.float32)})
    assert f"'{name}' has values that are not finite" in refused(**{name: x * np.nan})
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(PassError, match=r"not an .npz file of plain arrays"):
        transform(dense()[0], f'quantize{{calibration="{tmp_path}/x.npz"}}')


def test_ranges_from_the_option_of_compile(tmp_path, capsys):
    path = tmp_path / "m.onnx"
    onnx.save(recurrent_model("RNN", 8, 3), path)
    np.savez(tmp_path / "x.npz", x=np.ones((3, 1, 8), np.float32))
    command = ["compile", str(path), "-o", str(tmp_path / "m.rnx"), "--explain", "-p"]
    command += [
        "front,recurrence,quantize{format=int8},back",
        "--calibration",
        str(tmp_path / "x.npz"),
    ]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "operands are rounded to int8" in out and "outputs on the calibration inputs" in out
