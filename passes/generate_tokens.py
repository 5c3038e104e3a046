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

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    ModuleOp,
    i64,
)
from xdsl.ir import Region, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects._generation_signature import GENERATION_ATTR, GenerationSignature
from rnncc.dialects._main import output_names, set_names
from rnncc.dialects._types import symbol_maxima
from rnncc.errors import PassError
from rnncc.passes._generate_choice import Choice
from rnncc.passes._generate_function import LIMIT, PROMPT, UNIFORM, Generator
from rnncc.passes._generate_model import NAME, StepModel
from rnncc.passes._remarks import remark

TOKENS, COUNT = "tokens", "count"
"""Outputs that a generator has beside the states."""
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
        made = Generator(self, model, Choice(temperature, self.top_k))
        self._finish(made, made.build())

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

    def _finish(self, made: Generator, returned: Sequence[SSAValue]) -> None:
        """The new body, its names, and what it generates, in the place of the step."""
        model, function = made.model, made.model.function
        outputs = [TOKENS, COUNT, *model.names]
        for name in model.names:
            if name in (TOKENS, COUNT):
                raise PassError(
                    f"{NAME}: the model has a state '{name}', which the generator needs for itself",
                    "rename the model's output",
                )
        if PROMPT in symbol_maxima(function):
            raise PassError(f"{NAME}: the function has a run-time length '{PROMPT}' already")
        places = {argument: k for k, argument in enumerate(model.block.args)}
        signature = GenerationSignature(
            prompt=places[model.token],
            limit=made.inputs.index(LIMIT),
            uniform=made.inputs.index(UNIFORM) if made.choice.draws else -1,
            states=tuple(places[argument] for argument, _ in model.states),
            vocabulary=model.vocabulary,
            longest=self.max_tokens,
            stop=-1 if self.stop is None else self.stop,
        )
        used = (model.scores, *model.names)
        dropped = [name for name in output_names(function) if name not in used]
        made.block.add_op(func.ReturnOp(*returned))
        function.properties["function_type"] = FunctionType.from_lists(
            [a.type for a in made.block.args], [v.type for v in returned]
        )
        function.detach_region(function.body)
        function.add_region(Region(made.block))
        maxima = {**symbol_maxima(function), PROMPT: self.max_prompt}
        function.attributes["rnncc.symbols"] = DictionaryAttr(
            {name: IntegerAttr(most, i64) for name, most in maxima.items()}
        )
        set_names(function, inputs=made.inputs, outputs=outputs)
        function.attributes[GENERATION_ATTR] = signature.attribute()
        self._tell(made, dropped)

    def _tell(self, made: Generator, dropped: list[str]) -> None:
        model, choice = made.model, made.choice
        how = "the best word each time"
        if choice.temperature is not None:
            among = f"the {choice.top_k} best" if choice.top_k else f"all {model.vocabulary}"
            how = f"drawn from {among} words at temperature {choice.temperature:g}"
        text = f"up to {self.max_tokens} tokens, {how}"
        if self.stop is not None:
            text += f", until token {self.stop}"
        text += f"; {len(model.states)} states are kept from token to token"
        if dropped:
            text += f"; outputs that feed nothing back are gone: {', '.join(dropped)}"
        remark(made.block.first_op or model.function, NAME, text)
