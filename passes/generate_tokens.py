"""generate-tokens: a step model becomes a generator.

Needs: one function of rnn and nn operations (after convert-onnx-to-nn) that does one step for one
sequence: a token and states in, logits and states out. Ensures: the function generates: it takes a
prompt of one token or more, the initial states and the most tokens wanted, and gives the tokens,
how many they are, and the states after the last token that was fed in. All but the last token of
the prompt go through an rnn.scan over the states alone, which therefore computes no logits; an
rnn.while chooses one token a step and feeds it back, until the stop token (which is counted), the
wanted or the largest number of tokens. What depends on neither token nor states is done once.

Exact: greedy, a token is the first of the greatest logits, as ONNX ArgMax has it. With temperature or
top-k it is drawn by its probability, from numbers in [0, 1) that are an input, one a token, so that
the same numbers give the same tokens (``_generate_choice``); the host draws them from a seed.

Raises:
    PassError: names that the model lacks, values that do not fit one another, numbers out of range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    f32,
    i64,
)
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn
from rnncc.dialects._generation_signature import GENERATION_ATTR, GenerationSignature
from rnncc.dialects._types import shape_of, symbol_maxima, tensor_type, type_of
from rnncc.dialects.rnn import INDEX, ScanOp, WhileOp, YieldOp
from rnncc.errors import PassError
from rnncc.passes._emit import Emitter
from rnncc.passes._generate_choice import Choice
from rnncc.passes._generate_model import NAME, StepModel, names_of
from rnncc.passes._remarks import remark

PROMPT, LIMIT, UNIFORM, TOKENS, COUNT = "prompt", "max_tokens", "uniform", "tokens", "count"
"""The run-time length of the prompt; inputs and outputs that a generator has beside the model's."""
LARGEST = 1 << 20
"""Most tokens that a prompt may have and that may be generated."""


@dataclass(frozen=True)
class GenerateTokensPass(ModulePass):
    """A step model becomes a loop that generates tokens: greedy, or sampled by temperature and top-k."""

    name = NAME

    pairs: tuple[str, ...] = ()
    """``OUTPUT:INPUT``, what is fed back: logits and token first, then the states."""
    max_tokens: int = 64
    """The most tokens to generate; a run may ask for fewer."""
    max_prompt: int = 64
    """The most tokens of a prompt."""
    stop: int | None = None
    """The token after which generation ends."""
    temperature: float | None = None
    """Sample, with the logits divided by this; greedy when neither this nor top-k is given."""
    top_k: int | None = None
    """Sample from so many of the best only; with temperature 1 where none is given."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module's function."""
        functions = [f for f in op.body.block.ops if isinstance(f, func.FuncOp)]
        if len(functions) != 1:
            raise PassError(f"{NAME} needs one function, the module has {len(functions)}")
        (function,) = functions
        for inner in function.walk():
            if inner.name.startswith("onnx."):
                raise PassError(f"{NAME}: {inner.name} is left", "run it after convert-onnx-to-nn")
        model = StepModel.of(function, self.pairs)
        self._check(model)
        temperature = self.temperature
        if temperature is None and self.top_k is not None:
            temperature = 1.0
        _Generator(self, model, Choice(temperature, self.top_k)).build()

    def _check(self, model: StepModel) -> None:
        """Refuse numbers out of range."""
        words = model.vocabulary
        for option, value in (("max-tokens", self.max_tokens), ("max-prompt", self.max_prompt)):
            if not 1 <= value <= LARGEST:
                raise PassError(f"{NAME}: {option} {value} is outside 1..{LARGEST}")
        if self.stop is not None and not 0 <= self.stop < words:
            raise PassError(
                f"{NAME}: stop token {self.stop} is outside the vocabulary, 0..{words - 1}"
            )
        if self.temperature is not None and not 0 < self.temperature < float("inf"):
            raise PassError(
                f"{NAME}: temperature {self.temperature:g} must be above 0",
                "leave it out for the best token each time",
            )
        if self.top_k is not None and not 1 <= self.top_k <= words:
            raise PassError(f"{NAME}: top-k {self.top_k} is outside 1..{words}, the vocabulary")


class _Generator:
    """The function under construction."""

    def __init__(self, options: GenerateTokensPass, model: StepModel, choice: Choice):
        self.options, self.model, self.choice = options, model, choice
        self.function = model.function
        self.block = Block()
        self.emit = Emitter(model.function, InsertPoint.at_end(self.block))
        self.inputs = names_of(model.function, "inputs")
        self.known: dict[SSAValue, SSAValue] = {}
        """Values of the model that are the same in every step -> values of the new function."""
        self.word = type_of(model.token).get_element_type()
        self.varying = model.varying()

    def build(self) -> None:
        """Put the generator in the place of the step."""
        prompt, limit, uniform = self._arguments()
        after = [value for _, value in self.model.states]
        wanted = self.model.needed([self.model.logits, *after])
        self._copy(self.emit, [op for op in wanted if op not in self.varying], self.known)
        states, token = self._prompted(prompt)
        loop = self._generate(token, states, limit, uniform)
        returned = [loop.outputs[0], loop.done, *loop.states[1:]]
        self._finish(returned)

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

    def _argument(self, name: str, kind) -> SSAValue:
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

    def _finish(self, returned: Sequence[SSAValue]) -> None:
        """The new body, its names, and what it generates."""
        function, options = self.function, self.options
        outputs = [TOKENS, COUNT, *self.model.names]
        for name in self.model.names:
            if name in (TOKENS, COUNT):
                raise PassError(
                    f"{NAME}: the model has a state '{name}', which the generator needs for itself",
                    "rename the model's output",
                )
        if PROMPT in symbol_maxima(function):
            raise PassError(f"{NAME}: the function has a run-time length '{PROMPT}' already")
        places = {argument: k for k, argument in enumerate(self.model.block.args)}
        signature = GenerationSignature(
            prompt=places[self.model.token],
            limit=self.inputs.index(LIMIT),
            uniform=self.inputs.index(UNIFORM) if self.choice.draws else -1,
            states=tuple(places[argument] for argument, _ in self.model.states),
            vocabulary=self.model.vocabulary,
            longest=options.max_tokens,
            stop=-1 if options.stop is None else options.stop,
        )
        used = (self.model.scores, *self.model.names)
        dropped = [name for name in names_of(function, "outputs") if name not in used]
        self.block.add_op(func.ReturnOp(*returned))
        function.properties["function_type"] = FunctionType.from_lists(
            [a.type for a in self.block.args], [v.type for v in returned]
        )
        function.detach_region(function.body)
        function.add_region(Region(self.block))
        maxima = {**symbol_maxima(function), PROMPT: options.max_prompt}
        function.attributes["rnncc.symbols"] = DictionaryAttr(
            {name: IntegerAttr(most, i64) for name, most in maxima.items()}
        )
        for key, names in (("rnncc.inputs", self.inputs), ("rnncc.outputs", outputs)):
            function.attributes[key] = ArrayAttr([StringAttr(name) for name in names])
        function.attributes[GENERATION_ATTR] = signature.attribute()
        self._tell(dropped)

    def _tell(self, dropped: list[str]) -> None:
        choice = self.choice
        how = "the best word each time"
        if choice.temperature is not None:
            among = f"the {choice.top_k} best" if choice.top_k else f"all {self.model.vocabulary}"
            how = f"drawn from {among} words at temperature {choice.temperature:g}"
        text = f"up to {self.options.max_tokens} tokens, {how}"
        if self.options.stop is not None:
            text += f", until token {self.options.stop}"
        text += f"; {len(self.model.states)} states are kept from token to token"
        if dropped:
            text += f"; outputs that feed nothing back are gone: {', '.join(dropped)}"
        remark(self.block.first_op or self.function, NAME, text)


def _no_symbols(value: SSAValue) -> tuple[str, ...]:
    return ("",) * len(shape_of(value))
