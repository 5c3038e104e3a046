"""ONNX models in: `import_model` gives the onnx dialect, `model_inputs` the signature alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnncc.frontend.importer import import_model
    from rnncc.frontend.signature import model_inputs, shapes_from_inputs

__all__ = ["import_model", "model_inputs", "shapes_from_inputs"]

_HOMES = {
    "import_model": "importer",
    "model_inputs": "signature",
    "shapes_from_inputs": "signature",
}


def __getattr__(name: str) -> Any:
    """Imports the importer (and onnx, a quarter of a second) when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
