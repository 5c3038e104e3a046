"""Models that PyTorch's two exporters wrote, through the whole compiler, against PyTorch's own outputs."""

from pathlib import Path

import numpy as np
import pytest

import rnncc
from rnncc.errors import UnsupportedError
from rnncc.program import Port

FOLDER = Path(__file__).resolve().parents[1] / "data" / "torch"
REFUSED = {
    "cell_loop": "SequenceEmpty",
    "generator_loop": "Loop",
    "gru_packed_unsorted": "ScatterElements",
    "rnn_tanh-dynamo-dynamic": "SplitToSequence",
}
"""What rnncc does not do yet, and the operator that its message names."""
MODELS = sorted(path.stem for path in FOLDER.glob("*.onnx"))


def refused(name: str) -> str | None:
    return next((op for prefix, op in REFUSED.items() if name.startswith(prefix)), None)


def data_set(name: str, number: str = "") -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and outputs of the first data set (``""``) or the second (``"2"``)."""
    with np.load(FOLDER / f"{name}.npz") as archive:
        parts = [{}, {}]
        for key in archive.files:
            kind, _, port = key.partition(":")
            if kind in (f"in{number}", f"out{number}"):
                parts[kind.startswith("out")][port] = archive[key]
    return parts[0], parts[1]


def compare(expected: dict[str, np.ndarray], got: dict[str, np.ndarray]) -> None:
    assert set(got) == set(expected)
    for port, want in expected.items():
        assert got[port].shape == want.shape
        assert got[port].dtype == want.dtype
        np.testing.assert_allclose(
            got[port], want, rtol=0, atol=1e-5 * max(np.abs(want).max(), 1e-30)
        )


def shapes_of(inputs: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {port: value.shape for port, value in inputs.items()}


@pytest.mark.parametrize("name", [name for name in MODELS if not refused(name)])
def test_outputs_are_pytorchs(name: str):
    inputs, outputs = data_set(name)
    program = rnncc.compile(FOLDER / f"{name}.onnx", shapes=shapes_of(inputs))
    compare(outputs, program.run(inputs).outputs)


@pytest.mark.parametrize(
    "name", [name for name in MODELS if not refused(name) and name.endswith("dynamic")]
)
def test_another_length_and_batch(name: str):
    first, _ = data_set(name)
    inputs, outputs = data_set(name, "2")
    # Compiled for the longer time of both sets: where time is free, the shorter one runs on the same program.
    longer = {
        port: tuple(map(max, value.shape, first[port].shape)) for port, value in inputs.items()
    }
    program = rnncc.compile(FOLDER / f"{name}.onnx", shapes=longer)
    if not all(fits(port, inputs[port.name].shape) for port in program.inputs):
        program = rnncc.compile(FOLDER / f"{name}.onnx", shapes=shapes_of(inputs))
    compare(outputs, program.run(inputs).outputs)


def fits(port: Port, shape: tuple[int, ...]) -> bool:
    """Whether only dimensions of time are shorter than the program's maximum."""
    return all(
        size == most or (symbol and size < most)
        for size, most, symbol in zip(shape, port.shape, port.symbols, strict=True)
    )


@pytest.mark.parametrize("name", [name for name in MODELS if refused(name)])
def test_what_is_not_supported_is_named(name: str):
    inputs, _ = data_set(name)
    with pytest.raises(UnsupportedError) as error:
        rnncc.compile(FOLDER / f"{name}.onnx", shapes=shapes_of(inputs))
    assert str(refused(name)) in str(error.value)
