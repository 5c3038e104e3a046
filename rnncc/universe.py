"""What rnncc adds to xDSL: its dialects and passes, by name, each imported when first used.

The names are the plug-in's table of contents (``xdsl-opt`` and ``rnncc opt`` read the same one); nothing here imports
a dialect or a pass, so that ``rnncc --help`` stays quick.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xdsl.universe import Universe

if TYPE_CHECKING:
    from xdsl.context import Context

DIALECTS = {
    "onnx": ("rnncc.dialects.onnx", "ONNX"),
    "rnn": ("rnncc.dialects.rnn", "RNN"),
    "nn": ("rnncc.dialects.nn", "NN"),
    "npu": ("rnncc.dialects.npu", "NPU"),
}
"""Dialect name -> (module, name of its ``Dialect`` object)."""

PASSES = (
    "fold-constants",
    "convert-onnx-to-rnn",
    "convert-onnx-to-nn",
    "generate-tokens",
    "decompose-cells",
    "fuse-gates",
    "quantize",
    "speculate-words",
    "split-scans",
    "gate-frames",
    "split-gates",
    "join-products",
    "form-chains",
    "accumulate-products",
    "sink-front",
    "hoist-input-projection",
    "hoist-output-projection",
    "straighten-scans",
    "stagger-rows",
    "batch-sequences",
    "fuse-directions",
    "wavefront-layers",
    "lower-lengths",
    "sink-updates",
    "drop-zero-products",
    "unroll-timesteps",
    "place-memory",
    "tile-for-machine",
    "lower-to-npu",
    "persist-weights",
    "schedule",
    "allocate",
)
"""Every pass of rnncc; the pass ``a-b`` is the class ``AB`` + ``Pass`` of ``rnncc.passes.a_b``."""


def pass_class_name(name: str) -> str:
    """The class that implements the pass ``name``: ``fold-constants`` is ``FoldConstantsPass``."""
    return "".join(part.capitalize() for part in name.split("-")) + "Pass"


def _lazy(module: str, attribute: str) -> Callable[[], Any]:
    return lambda: getattr(importlib.import_module(module), attribute)


ALL_PASSES = {
    name: _lazy(f"rnncc.passes.{name.replace('-', '_')}", pass_class_name(name)) for name in PASSES
}
ALL_DIALECTS = {name: _lazy(module, attribute) for name, (module, attribute) in DIALECTS.items()}

RNNCC_UNIVERSE = Universe(all_dialects=ALL_DIALECTS, all_passes=ALL_PASSES)


def make_context() -> Context:
    """An xDSL context that knows every dialect of xDSL and of rnncc, whether or not the plug-in is installed."""
    from xdsl.context import Context
    from xdsl.universe import XDSL_UNIVERSE

    context = Context()
    for universe in (XDSL_UNIVERSE, RNNCC_UNIVERSE):
        for name, factory in universe.all_dialects.items():
            context.register_dialect(name, factory)
    return context
