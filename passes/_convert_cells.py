"""ONNX LSTM, GRU and RNN to rnn.lstm, rnn.gru and rnn.elman, one for each direction."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import node_name, shape_of, tensor_type, type_of
from rnncc.dialects.onnx import OnnxOp
from rnncc.dialects.rnn import ACTIVATIONS, CellOp, ElmanOp, GruOp, LstmOp, activation_kind
from rnncc.errors import ModelError, nearest
from rnncc.passes._emit import Emitter, constant_of

CELLS: dict[str, tuple[type[CellOp], tuple[str, ...]]] = {
    "onnx.LSTM": (LstmOp, ("sigmoid", "tanh", "tanh")),
    "onnx.GRU": (GruOp, ("sigmoid", "tanh")),
    "onnx.RNN": (ElmanOp, ("tanh",)),
}
"""ONNX operation -> cell and its default activations."""

_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def convert_cell(op: OnnxOp) -> None:
    """Replace an ONNX LSTM, GRU or RNN.

    Raises:
        ModelError: attributes or shapes contradict the operator's specification.
    """
    kind, _ = CELLS[op.name]
    emit = Emitter(op)
    node = _Node(op, op.onnx_attributes(), _inputs(op, emit))
    directions = _DIRECTIONS.get(node.attributes.get("direction", "forward"))
    if directions is None:
        raise node.error(f"direction '{node.attributes['direction']}' is unknown")
    node.check(kind, len(directions))
    functions = node.activations(len(directions))
    cells = []
    for d, reverse in enumerate(directions):
        each = kind.ACTIVATION_COUNT
        cells.append(_cell(node, emit, kind, d, reverse, functions[d * each : (d + 1) * each]))
    _outputs(op, emit, cells, node.batch_first)
    op.detach()
    op.erase()


def _inputs(op: OnnxOp, emit: Emitter) -> dict[str, SSAValue]:
    """The present inputs by name, time-major whatever the layout."""
    given = zip(_INPUTS, op.inputs_by_position(), strict=False)
    values = {name: value for name, value in given if value is not None}
    if op.onnx_attributes().get("layout", 0) == 1:
        for name in {"X", "initial_h", "initial_c"} & set(values):
            if len(shape_of(values[name])) == 3:
                values[name] = emit.swap(values[name], 0, 1)
    return values


@dataclass
class _Node:
    """An ONNX recurrent node with its attributes and inputs."""

    op: OnnxOp
    attributes: dict[str, Any]
    inputs: dict[str, SSAValue]

    @property
    def batch_first(self) -> bool:
        return self.attributes.get("layout", 0) == 1

    def error(self, text: str, hint: str | None = None) -> ModelError:
        name = self.op.name.removeprefix("onnx.")
        return ModelError(f"{name} node '{node_name(self.op)}': {text}", hint)

    def check(self, kind: type[CellOp], directions: int) -> None:
        """Refuse inputs whose shapes contradict one another or hidden_size."""
        if len(x := shape_of(self.inputs["X"])) != 3:
            raise self.error(f"X must have three dimensions, not the shape {list(x)}")
        hidden = self.attributes.get("hidden_size") or shape_of(self.inputs["R"])[-1]
        self.attributes["hidden_size"] = hidden
        if shape_of(self.inputs["R"])[-1:] != (hidden,):
            raise self.error(
                f"hidden_size is {hidden}, but R has the shape {list(shape_of(self.inputs['R']))}"
            )
        _, batch, features = x
        rows = kind.GATES * hidden
        wanted = {
            "W": (directions, rows, features),
            "R": (directions, rows, hidden),
            "B": (directions, 2 * rows),
            "sequence_lens": (batch,),
            "initial_h": (directions, batch, hidden),
            "initial_c": (directions, batch, hidden),
            "P": (directions, 3 * hidden),
        }
        for name, shape in wanted.items():
            if name in self.inputs and shape_of(self.inputs[name]) != shape:
                found = list(shape_of(self.inputs[name]))
                raise self.error(f"{name} must have the shape {list(shape)}, not {found}")
        clip = self.attributes.get("clip")
        if clip is not None and not clip > 0:
            raise self.error(f"clip must be positive, not {clip}")

    def activations(self, directions: int) -> list[tuple[str, float, float]]:
        """All activations as (kind, alpha, beta), direction after direction.

        The lists of alphas and betas are consumed in order, only by activations that take them.
        """
        default = CELLS[self.op.name][1]
        names = self.attributes.get("activations") or list(default) * directions
        if self.op.name == "onnx.RNN" and len(names) == 2:
            # The schema's default lists both directions, whatever the direction is.
            names = names[:directions]
        if len(names) != len(default) * directions:
            raise self.error(
                f"{len(names)} activations for {directions} direction(s) of {len(default)}"
            )
        alphas = list(self.attributes.get("activation_alpha") or [])
        betas = list(self.attributes.get("activation_beta") or [])
        found = []
        for name in names:
            if (kind := activation_kind(name)) is None:
                raise self.error(
                    f"activation '{name}' is unknown",
                    nearest(name, [k.title().replace("_", "") for k in ACTIVATIONS]),
                )
            alpha, beta = ACTIVATIONS[kind]
            alpha = alphas.pop(0) if alpha is not None and alphas else alpha
            beta = betas.pop(0) if beta is not None and betas else beta
            if any(v is not None and isnan(v) for v in (alpha, beta)):
                raise self.error(
                    f"activation '{name}' has no default parameters in the ONNX specification",
                    "give activation_alpha and activation_beta",
                )
            found.append((kind, alpha or 0.0, beta or 0.0))
        return found

    def lens(self) -> SSAValue | None:
        """The lengths of the rows, or None when every row has all T steps."""
        value = self.inputs.get("sequence_lens")
        if value is None or (array := constant_of(value)) is None:
            return value
        steps = shape_of(self.inputs["X"])[0]
        if np.any((array < 0) | (array > steps)):
            raise self.error(f"sequence_lens {array.tolist()} is not within 0..{steps}")
        return None if np.all(array == steps) else value


def _cell(
    node: _Node,
    emit: Emitter,
    kind: type[CellOp],
    direction: int,
    reverse: bool,
    functions: list[tuple[str, float, float]],
) -> CellOp:
    def one(name: str) -> SSAValue | None:
        value = node.inputs.get(name)
        if value is None:
            return None
        return emit.squeeze(emit.part(value, 0, direction, 1), 0)

    optional = {
        "bias": one("B"),
        "lens": node.lens(),
        "h0": one("initial_h"),
        "c0": one("initial_c"),
        "peephole": one("P"),
    }
    w, r = one("W"), one("R")
    assert w is not None and r is not None
    flags = [f for f in ("input_forget", "linear_before_reset") if node.attributes.get(f)]
    cell = kind.make(
        node.inputs["X"],
        w,
        r,
        node.attributes["hidden_size"],
        functions,
        reverse=reverse,
        clip=node.attributes.get("clip"),
        flags=flags,
        **optional,
    )
    emit.add(cell)
    return cell


def _outputs(op: OnnxOp, emit: Emitter, cells: list[CellOp], batch_first: bool) -> None:
    """Put the directions together: Y [T, directions, B, h], Y_h and Y_c [directions, B, h]."""
    results = [*op.outputs_by_position(), None, None, None]
    parts = [[cell.y for cell in cells], [cell.h for cell in cells]]
    parts.append([cell.c for cell in cells if isinstance(cell, LstmOp)])
    for number, (old, values) in enumerate(zip(results, parts, strict=False)):
        if old is None or old.first_use is None or not values:
            continue
        axis = 1 if number == 0 else 0
        widened = [emit.unsqueeze(value, axis) for value in values]
        new = widened[0] if len(widened) == 1 else emit(nn.ConcatOp(widened, axis))
        if batch_first:
            new = emit(nn.TransposeOp(new, (2, 0, 1, 3) if number == 0 else (1, 0, 2)))
        replace(old, new)


def replace(old: SSAValue, new: SSAValue) -> None:
    """Use `new` wherever `old` was used; the types agree but for what the importer did not know."""
    if shape_of(old) != shape_of(new):
        wanted = tensor_type(type_of(new).element_type, shape_of(old))
        raise ModelError(f"a result declared as {wanted} has the type {new.type}")
    new.name_hint = new.name_hint or old.name_hint
    old.replace_all_uses_with(new)
