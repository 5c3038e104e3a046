"""The function that generates: a scan over the prompt, and a while that feeds tokens back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import f32, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn
from rnncc.dialects._main import input_names
from rnncc.dialects._types import shape_of, tensor_type, type_of
from rnncc.dialects.rnn import INDEX, ScanOp, WhileOp, YieldOp
from rnncc.errors import PassError
from rnncc.passes._emit import Emitter
from rnncc.passes._generate_choice import Choice
from rnncc.passes._generate_model import NAME, StepModel

if TYPE_CHECKING:
    from rnncc.passes.generate_tokens import GenerateTokensPass

PROMPT, LIMIT, UNIFORM = "prompt", "max_tokens", "uniform"
"""The run-time length of the prompt; inputs that a generator has beside the model's."""


class Generator:
    """A function under construction; `build` gives what it returns.

    Args:
        options: how many tokens, and the stop token.
        model: the step; not changed.
        choice: how tokens are chosen.

    Attributes:
        block: the new function's body.
        inputs: the names of its arguments.
    """

    def __init__(self, options: GenerateTokensPass, model: StepModel, choice: Choice):
        self.options, self.model, self.choice = options, model, choice
        self.block = Block()
        self.emit = Emitter(model.function, InsertPoint.at_end(self.block))
        self.inputs = input_names(model.function)
        self.known: dict[SSAValue, SSAValue] = {}
        """Values of the model that are the same in every step -> values of the new function."""
        self.word = type_of(model.token).get_element_type()
        self.varying = model.varying()

    def build(self) -> list[SSAValue]:
        """Fill the block; gives the tokens, their count, and the states."""
        prompt, limit, uniform = self._arguments()
        after = [value for _, value in self.model.states]
        wanted = self.model.needed([self.model.logits, *after])
        self._copy(self.emit, [op for op in wanted if op not in self.varying], self.known)
        states, token = self._prompted(prompt)
        loop = self._generate(token, states, limit, uniform)
        return [loop.outputs[0], loop.done, *loop.states[1:]]

    def _arguments(self) -> tuple[SSAValue, SSAValue, SSAValue | None]:
        """The new function's arguments: prompt in the place of the token, limit, random numbers."""
        options, model = self.options, self.model
        prompt: SSAValue | None = None
        for old in model.block.args:
            kind = old.type
            if old is model.token:
                kind = tensor_type(self.word, [options.max_prompt], [PROMPT])
            new = self.block.insert_arg(kind, len(self.block.args))
            new.name_hint = old.name_hint
            if old is model.token:
                prompt = new
            else:
                self.known[old] = new
        assert prompt is not None
        limit = self._argument(LIMIT, tensor_type(i64, []))
        uniform = None
        if self.choice.draws:
            uniform = self._argument(UNIFORM, tensor_type(f32, [options.max_tokens]))
        return prompt, limit, uniform

    def _argument(self, name: str, kind: Attribute) -> SSAValue:
        if name in self.inputs:
            raise PassError(
                f"{NAME}: the model has an input '{name}', which the generator needs for itself",
                "rename the model's input",
            )
        self.inputs.append(name)
        new = self.block.insert_arg(kind, len(self.block.args))
        new.name_hint = name
        return new

    def _copy(
        self, emit: Emitter, wanted: Sequence[Operation], known: dict[SSAValue, SSAValue]
    ) -> None:
        """Copy operations of the model, in their order; `known` learns their results."""
        chosen = set(wanted)
        for op in self.model.block.ops:
            if op not in chosen:
                continue
            index = self.model.plain_index(op)
            if index is not None and index in known:
                known[op.results[0]] = known[index]
                continue
            emit.place.block.add_op(op.clone(known))

    def _step(
        self, block: Block, token: SSAValue, states: Sequence[SSAValue], values: Sequence[SSAValue]
    ) -> tuple[Emitter, list[SSAValue]]:
        """One step of the model at the end of a block: what these of its values become."""
        emit = self.emit.inside(block)
        known = dict(self.known)
        known[self.model.token] = emit.reshape(
            token, shape_of(self.model.token), _no_symbols(self.model.token)
        )
        for (argument, _), state in zip(self.model.states, states, strict=True):
            known[argument] = state
        wanted = self.model.needed(values)
        self._copy(emit, [op for op in wanted if op in self.varying], known)
        return emit, [known.get(v, v) for v in values]

    def _prompted(self, prompt: SSAValue) -> tuple[list[SSAValue], SSAValue]:
        """The states after all tokens of the prompt but the last one, and that one."""
        line = self.emit(nn.IotaOp(tensor_type(i64, [self.options.max_prompt], [PROMPT]), 0))
        last = self.emit(nn.ReduceOp("max", line, [0]))
        token = self.emit(nn.DynamicSliceOp(prompt, last, 0, 1))
        token = self.emit.reshape(token, (), ())
        inits = [self.known[argument] for argument, _ in self.model.states]
        if not inits or self.options.max_prompt == 1:
            return inits, token
        kinds = [INDEX, tensor_type(self.word, []), *(v.type for v in inits)]
        block = Block(arg_types=kinds)
        _, after = self._step(
            block, block.args[1], block.args[2:], [value for _, value in self.model.states]
        )
        block.add_op(YieldOp(*after))
        scan = ScanOp.make(
            [prompt], inits, block, max_steps=self.options.max_prompt, symbol=PROMPT, steps=last
        )
        self.emit.add(scan)
        return list(scan.states), token

    def _generate(
        self,
        token: SSAValue,
        states: Sequence[SSAValue],
        limit: SSAValue,
        uniform: SSAValue | None,
    ) -> WhileOp:
        """The loop that chooses tokens and feeds them back."""
        inits = [token, *states]
        kinds = [INDEX, *(v.type for v in inits)]
        test, block = Block(arg_types=kinds), Block(arg_types=kinds)
        inner = self.emit.inside(test)
        inner.add(YieldOp(self._going(inner, test.args[0], test.args[1])))
        values = [self.model.logits, *(value for _, value in self.model.states)]
        step, (logits, *after) = self._step(block, block.args[1], block.args[2:], values)
        logits = step.reshape(logits, (self.model.vocabulary,), ("",))
        u = None
        if uniform is not None:
            u = step(nn.DynamicSliceOp(uniform, block.args[0], 0, 1))
            u = step.reshape(u, (), ())
        chosen = self.choice.of(step, logits, u)
        if self.word != i64:
            chosen = step(nn.CastOp(chosen, self.word))
        step.add(YieldOp(chosen, *after, chosen))
        loop = WhileOp.make(inits, test, block, max_steps=self.options.max_tokens, steps=limit)
        self.emit.add(loop)
        return loop

    def _going(self, emit: Emitter, index: SSAValue, token: SSAValue) -> SSAValue:
        """Whether there is a next token: the last one was not the stop token, or is of the prompt."""
        if self.options.stop is None:
            return emit.constant(np.asarray(True))
        first = emit(nn.CompareOp("eq", index, emit.scalar(0, i64)))
        other = emit(nn.CompareOp("ne", token, emit.scalar(self.options.stop, self.word)))
        return emit.binary("or", first, other)


def _no_symbols(value: SSAValue) -> tuple[str, ...]:
    return ("",) * len(shape_of(value))
