"""The ONNX node tests of convolution, pooling and their company, end to end."""

import pytest

from tests.conformance.onnx_cases import cases_of
from tests.conformance.test_onnx_suite import outcome

MODULES = (
    "conv", "convinteger", "maxpool", "averagepool", "globalaveragepool", "globalmaxpool",
    "batch_normalization", "flatten",
)  # fmt: skip
PREFIXES = (
    "test_basic_conv", "test_conv_", "test_convinteger", "test_maxpool", "test_averagepool",
    "test_global", "test_batchnorm", "test_flatten",
)  # fmt: skip
REFUSED = {
    "test_maxpool_with_argmax_2d_precomputed_pads": "Indices",
    "test_maxpool_with_argmax_2d_precomputed_strides": "Indices",
    "test_batchnorm_example_training_mode": "training mode",
    "test_batchnorm_epsilon_training_mode": "training mode",
}
"""What is refused, and a word of the reason."""
CASES = {name: case for name, case in cases_of(*MODULES).items() if name.startswith(PREFIXES)}


@pytest.mark.parametrize("name", sorted(CASES))
def test_node(name: str):
    found = outcome(CASES[name])
    if name in REFUSED:
        assert found is not None
        assert REFUSED[name] in found
    else:
        assert found is None, found
