"""From an ONNX model to the onnx dialect, with the time free to vary where that is exact."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from rnncc.errors import InputError, RnnccError, nearest
from rnncc.frontend.arrays import dtype_of, freeze, type_name
from rnncc.frontend.build import Builder, output_names
from rnncc.frontend.check import check
from rnncc.frontend.evaluate import Memo
from rnncc.frontend.load import Loaded, load
from rnncc.frontend.plan import NotUniformError, Plan, make_plan
from rnncc.frontend.shapes import bind, graph_inputs, shape_of, symbol_names
from rnncc.frontend.trace import Tracer
from rnncc.frontend.walk import Walk, times

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

Model = str | os.PathLike[str] | bytes | onnx.ModelProto


def import_model(
    model: Model,
    shapes: Mapping[str, Iterable[int]] | None = None,
    dynamic: bool = True,
    values: Mapping[str, Any] | None = None,
) -> ModuleOp:
    """A model in the onnx dialect: ``func.func @main`` over tensors of known largest shapes.

    Constants are folded, older operators have the newest form, weights stay where they are in
    memory or in the file. With `dynamic` a free dimension (no size in the model) that is the number
    of steps of a recurrence becomes a symbol; when something cannot follow it exactly, it is static
    and ``rnncc.static_reason`` of the module says why.

    Args:
        model: path of an .onnx file, its bytes, or a ModelProto.
        shapes: input name -> whole shape, for inputs whose shape the model leaves open.
        dynamic: whether to keep the time free.
        values: input name -> array, to fix an input (one that decides shapes) to a constant; or to
            replace the initializer that is also an input.

    Raises:
        ModelError: the model is missing, malformed or contradicts itself; the node is named.
        UnsupportedError: the model is valid, but asks for something that rnncc does not have.
        ShapeError: a shape is missing (the message has the option to pass), wrong, or depends on
            data.
        InputError: `values` names no input, or has another type.
    """
    loaded = load(model)
    check(loaded)
    return _Importer(loaded, values or {}).run(shapes, dynamic)


class _Importer:
    def __init__(self, loaded: Loaded, values: Mapping[str, Any]):
        self.loaded = loaded
        self.memo = Memo()
        inputs = graph_inputs(loaded.proto.graph)
        self.values = _fixed(loaded.proto.graph, values)
        self.inputs = [i for i in inputs if i.name not in self.values]

    def run(self, shapes: Mapping[str, Iterable[int]] | None, dynamic: bool) -> ModuleOp:
        fixed = {n for n in shapes or {} if n in self.values}
        given = {n: s for n, s in (shapes or {}).items() if n not in fixed}
        self.inputs, sizes = bind(self.inputs, given)
        base = self._walk(sizes)
        plan, symbols, reason = None, {}, None
        if dynamic and sizes:
            plan, symbols, reason = self._dynamic(base, sizes)
        if plan is None:
            plan = make_plan(base, [])
        builder = Builder(base.region, plan, symbols, sizes)
        return builder.module(output_names(self.loaded.proto), reason)

    def _walk(self, sizes: Mapping[str, int]) -> Walk:
        types = {i.name: (i.element, shape_of(i, sizes)) for i in self.inputs}
        return Walk(Tracer(self.loaded, self.memo).run(types, self.values), dict(sizes))

    def _dynamic(
        self, base: Walk, sizes: dict[str, int]
    ) -> tuple[Plan | None, dict[str, str], str | None]:
        """The plan with symbols, or None and the reason why there is none."""
        reason: str | None
        walks, reason = self._time_walks(base, sizes)
        while walks:
            try:
                others = [w for name in walks for w in self._more(name, walks[name], sizes)]
                plan = make_plan(base, others)
                return plan, symbol_names(walks), reason
            except NotUniformError as error:
                reason = error.reason
                blamed = [n for n in walks if n in error.symbols] or list(walks)
            except RnnccError as error:
                # The model is wrong at some length: say which, and keep the one length asked for.
                reason, blamed = error.message, list(walks)
            for name in blamed:
                del walks[name]
        return None, {}, reason

    def _time_walks(self, base: Walk, sizes: dict[str, int]) -> tuple[dict[str, Walk], str | None]:
        """For each free dimension that is the time of a recurrence, a walk with another length.

        Also the reason why there is none, when there is none.
        """
        steps = times(base)
        found: dict[str, Walk] = {}
        reason = "no free dimension is the number of steps of a recurrence"
        for name, size in sizes.items():
            if size < 2 or not steps:
                continue
            try:
                walk = self._walk({**sizes, name: size - 1})
            except RnnccError as error:
                reason = f"with {name} = {size - 1}: {error.message}"
                continue
            there = times(walk)
            if any(there.get(key, n) != n for key, n in steps.items()):
                found[name] = walk
        return found, None if found else reason

    def _more(self, name: str, first: Walk, sizes: dict[str, int]) -> list[Walk]:
        """Walks at the lengths that tell a multiple of the length from what only looks like one."""
        lengths = {1, sizes[name] // 2} - {0, sizes[name], first.sizes[name]}
        return [first, *(self._walk({**sizes, name: n}) for n in sorted(lengths))]


def _array_of(value: Any, wanted: np.dtype) -> np.ndarray:
    """A value as an array; Python's numbers, which have no width, in the type that is wanted where they fit it."""
    array = np.asarray(value)
    if isinstance(value, np.ndarray | np.generic):
        return array
    if array.dtype.kind == "f":
        return array.astype(wanted) if wanted.kind == "f" else array
    if array.dtype.kind in "iu" and wanted.kind in "iuf":
        with np.errstate(all="ignore"):
            converted = array.astype(wanted)
        return converted if np.array_equal(converted, array) else array
    return array


def _fixed(graph: onnx.GraphProto, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The values given for inputs, checked."""
    inputs = {v.name: v.type.tensor_type for v in graph.input}
    fixed: dict[str, np.ndarray] = {}
    for name, value in values.items():
        if name not in inputs:
            raise InputError(f"there is no input '{name}' to fix", nearest(name, inputs))
        kind = inputs[name]
        wanted = dtype_of(kind.elem_type, f"input '{name}'")
        array = _array_of(value, wanted)
        if array.dtype != wanted:
            raise InputError(
                f"input '{name}' is {type_name(kind.elem_type)}, the value given is {array.dtype}"
            )
        if kind.HasField("shape"):
            dims = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
            fits = len(dims) == array.ndim and all(
                d in (None, n) for d, n in zip(dims, array.shape, strict=True)
            )
            if not fits:
                raise InputError(f"input '{name}': a value of shape {list(array.shape)} is given")
        fixed[name] = freeze(np.array(array))
    return fixed
