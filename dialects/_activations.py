"""The eleven activations of the ONNX recurrent operators and their defaults.

Source: ONNX operator specification, LSTM/GRU/RNN ("Activation functions"), where the default of
alpha and beta is that of the ONNX operator of the same name. (ONNX Runtime takes 0 for Affine,
ThresholdedRelu and ScaledTanh.) ScaledTanh never had defaults: it is refused without alpha and beta.
"""

from __future__ import annotations

from math import nan

ACTIVATIONS: dict[str, tuple[float | None, float | None]] = {
    "relu": (None, None),
    "tanh": (None, None),
    "sigmoid": (None, None),
    "affine": (1.0, 0.0),
    "leaky_relu": (0.01, None),
    "thresholded_relu": (1.0, None),
    "scaled_tanh": (nan, nan),
    "hard_sigmoid": (0.2, 0.5),
    "elu": (1.0, None),
    "softsign": (None, None),
    "softplus": (None, None),
}
"""Kind (as in ``nn.unary``) -> default alpha and beta; None where it takes none, NaN for no default."""

_KINDS = {kind.replace("_", ""): kind for kind in ACTIVATIONS}


def activation_kind(name: str) -> str | None:
    """The kind of an ONNX activation name (any case), or None when ONNX has no such activation."""
    return _KINDS.get(name.lower())


def takes_alpha(kind: str) -> bool:
    """Whether the activation reads alpha."""
    return ACTIVATIONS[kind][0] is not None


def takes_beta(kind: str) -> bool:
    """Whether the activation reads beta."""
    return ACTIVATIONS[kind][1] is not None
