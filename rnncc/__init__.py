"""rnncc: a compiler for recurrent networks, from ONNX to values and cycles on a simulated accelerator.

``rnncc.compile(model)`` gives a program, ``program.run({...})`` its outputs and cycles; ``rnncc.load(path)`` reads a
saved program; ``rnncc.Pipeline`` scripts the passes. Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnncc.api import compile, load
    from rnncc.generation import Generate
    from rnncc.pipeline import Pipeline
    from rnncc.program import Program
    from rnncc.runtime import Result

__all__ = ["Generate", "Pipeline", "Program", "Result", "compile", "load"]

_HOMES = {
    "compile": "rnncc.api",
    "load": "rnncc.api",
    "Generate": "rnncc.generation",
    "Pipeline": "rnncc.pipeline",
    "Program": "rnncc.program",
    "Result": "rnncc.runtime",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rnncc' has no attribute '{name}'")
