"""Guesses of a smaller step model, which runs ahead on the device and takes the best word each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._main import input_names
from rnncc.dialects._types import numpy_dtype, shape_of, type_of
from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp
from rnncc.errors import PassError
from rnncc.passes._drafts import Draft, Turn, row_of
from rnncc.passes._emit import Emitter
from rnncc.passes._generate_model import StepModel

FRONT = "front,decompose-cells,canonicalize,fuse-gates"
"""What the model goes through: as the generator's own, up to where that is speculated."""


def read_model(ctx: Context, path: str, pairs: Sequence[str], vocabulary: int) -> StepModel:
    """The step of an ONNX file; dimensions that it leaves open are one.

    Args:
        pairs: ``OUTPUT:INPUT``, logits and token first, then the states, as generate-tokens takes them.
        vocabulary: the number of words of the model that is to be guessed.

    Raises:
        PassError: names that the model lacks, inputs beside token and states, another vocabulary.
        RnnccError: the file is no model that can be imported.
    """
    from rnncc.frontend import import_model
    from rnncc.frontend.signature import model_inputs
    from rnncc.pipeline import Pipeline

    shapes = {}
    for entry in model_inputs(Path(path)):
        if entry.dims is not None:
            shapes[entry.name] = tuple(1 if isinstance(d, str) else d for d in entry.dims)
    module = import_model(Path(path), shapes=shapes, dynamic=False)
    Pipeline(FRONT).apply(ctx, module)
    (function,) = (op for op in module.ops if isinstance(op, func.FuncOp))
    model = StepModel.of(function, pairs)
    own = {model.token, *(argument for argument, _ in model.states)}
    for name, argument in zip(input_names(function), model.block.args, strict=True):
        if argument not in own:
            raise PassError(f"draft model {path}: nothing is known of its input '{name}'")
    if model.vocabulary != vocabulary:
        raise PassError(
            f"draft model {path}: has {model.vocabulary} words, the model that it guesses has {vocabulary}",
            "both must be trained on one vocabulary",
        )
    return model


@dataclass
class ModelDraft(Draft):
    """The words that a model makes of its own words, from zero states at the beginning of the text.

    It remembers the model's states behind each word that it has taken in: those behind the last
    right one are where it goes on from.

    Args:
        model: the step.
        width: how many words are guessed.
    """

    model: StepModel
    width: int
    known: dict[SSAValue, SSAValue] = field(default_factory=dict)
    """Values of the model that are the same in every step -> values before the loop."""

    def begin(self, emit: Emitter, word: SSAValue) -> list[SSAValue]:
        """Run ahead from zero states."""
        varying = self.model.varying()
        self._copy(emit, [op for op in self._needed() if op not in varying], self.known)
        states = []
        for argument, _ in self.model.states:
            kind = type_of(argument)
            zeros = np.zeros(kind.get_shape(), numpy_dtype(kind.get_element_type()))
            states.append(emit.constant(zeros))
        return self._ahead(emit, emit.squeeze(word, 0), states)

    def next(self, emit: Emitter, old: Sequence[SSAValue], turn: Turn) -> list[SSAValue]:
        """Go on behind the last right word."""
        states = [row_of(emit, value, turn.right) for value in old]
        return self._ahead(emit, row_of(emit, turn.made, turn.right), states)

    def _needed(self) -> set[Operation]:
        after = [value for _, value in self.model.states]
        return self.model.needed([self.model.logits, *after])

    def _copy(
        self, emit: Emitter, wanted: Sequence[Operation], known: dict[SSAValue, SSAValue]
    ) -> None:
        """Copy operations of the model, in their order; `known` learns their results."""
        chosen = set(wanted)
        for op in self.model.block.ops:
            if op in chosen:
                emit.add(op.clone(known))

    def _ahead(self, emit: Emitter, word: SSAValue, states: list[SSAValue]) -> list[SSAValue]:
        """``width`` words behind one, and the states behind that and each of them: one step more than words."""
        model = self.model
        block = Block(arg_types=[INDEX, word.type, *(v.type for v in states)])
        inside = emit.inside(block)
        _, last, *carried = block.args
        known = dict(self.known)
        token = type_of(model.token)
        if type_of(last).get_element_type() != token.get_element_type():
            last = inside(nn.CastOp(last, token.get_element_type()))
        shape = token.get_shape()
        known[model.token] = inside.reshape(last, shape, ("",) * len(shape))
        for (argument, _), state in zip(model.states, carried, strict=True):
            known[argument] = state
        varying = model.varying()
        self._copy(inside, [op for op in self._needed() if op in varying], known)
        logits = inside.reshape(known[model.logits], (model.vocabulary,), ("",))
        best = inside(nn.ArgReduceOp("argmax", logits, 0))
        if best.type != word.type:
            best = inside(nn.CastOp(best, type_of(word).get_element_type()))
        after = [known.get(value, value) for _, value in model.states]
        inside.add(YieldOp(best, *after, best, *after))
        scan = ScanOp.make([], [word, *states], block, max_steps=self.width + 1)
        emit.add(scan)
        words, *stacked = scan.outputs
        assert shape_of(words) == (self.width + 1,)
        return [emit.part(words, 0, 0, self.width), *stacked]
