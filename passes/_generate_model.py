"""A step model to generate with: which of its values are token, logits and states, and that they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._main import input_names, output_names
from rnncc.dialects._types import is_float, shape_of, symbols_of, type_of
from rnncc.errors import PassError, nearest
from rnncc.passes._emit import constant_of

NAME = "generate-tokens"
FORM = "--generate LOGITS:TOKEN,STATE_OUT:STATE_IN,..."


@dataclass
class StepModel:
    """A function of one step, token and states in, logits and states out.

    Attributes:
        function: the function; not changed.
        token: the argument that is the token.
        logits: the returned value that scores the words.
        scores: its name.
        states: for each state its argument and the value that it becomes.
        names: of the states as outputs.
        vocabulary: the number of words.
    """

    function: func.FuncOp
    token: BlockArgument
    logits: SSAValue
    scores: str
    states: list[tuple[BlockArgument, SSAValue]]
    names: list[str]
    vocabulary: int

    @staticmethod
    def of(function: func.FuncOp, pairs: Sequence[str]) -> StepModel:
        """Find and check what the pairs name.

        Raises:
            PassError: a name that the model lacks or that is given twice, or values that do not fit one another.
        """
        block = function.body.block
        end = block.last_op
        assert isinstance(end, func.ReturnOp)
        inputs = dict(zip(input_names(function), block.args, strict=True))
        outputs = dict(zip(output_names(function), end.arguments, strict=True))
        found = [_pair(text, inputs, outputs) for text in pairs]
        if not found:
            raise PassError("no logits are named that would choose the next token", FORM)
        for names in zip(*found, strict=True):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise PassError(f"--generate names '{twice[0]}' twice")
        (logits, token), *states = found
        vocabulary = _token(token, inputs[token], logits, outputs[logits])
        for after, before in states:
            if inputs[before].type != outputs[after].type:
                raise PassError(
                    f"--generate {after}:{before}: the output is {outputs[after].type}, the input "
                    f"{inputs[before].type}: a state keeps its type"
                )
        return StepModel(
            function,
            inputs[token],
            outputs[logits],
            logits,
            [(inputs[before], outputs[after]) for after, before in states],
            [after for after, _ in states],
            vocabulary,
        )

    @property
    def block(self) -> Block:
        """The step."""
        return self.function.body.block

    def varying(self) -> set[Operation]:
        """The operations that depend on the token or on a state; the others are done once."""
        values: set[SSAValue] = {self.token, *(argument for argument, _ in self.states)}
        found: set[Operation] = set()
        for op in self.block.ops:
            if any(v in values for inner in op.walk() for v in inner.operands):
                found.add(op)
                values.update(op.results)
        return found

    def needed(self, values: Sequence[SSAValue]) -> set[Operation]:
        """The operations that make these values."""
        found: set[Operation] = set()
        work = [value.owner for value in values]
        while work:
            op = work.pop()
            if isinstance(op, Operation) and op not in found and op.parent is self.block:
                found.add(op)
                work += [v.owner for inner in op.walk() for v in inner.operands]
        return found

    def plain_index(self, op: Operation) -> SSAValue | None:
        """The token itself, where an operation chooses between it and its distance from the end.

        ONNX lets an index count from the end; a token never does.
        """
        if not isinstance(op, nn.SelectOp) or not isinstance(op.c.owner, nn.CompareOp):
            return None
        test = op.c.owner
        zero = constant_of(test.b)
        negative = test.kind.data == "lt" and zero is not None and not zero.any()
        same = self._is_token(test.a) and self._is_token(op.b)
        return op.b if negative and same and op.b.type == op.result.type else None

    def _is_token(self, value: SSAValue) -> bool:
        while isinstance(value.owner, nn.ReshapeOp):
            value = value.owner.x
        return value is self.token


def _pair(
    text: str, inputs: dict[str, BlockArgument], outputs: dict[str, SSAValue]
) -> tuple[str, str]:
    """``OUTPUT:INPUT``; names may have colons themselves."""
    ways = [(text[:at], text[at + 1 :]) for at, letter in enumerate(text) if letter == ":"]
    ways = [(after, before) for after, before in ways if after and before]
    for after, before in ways:
        if after in outputs and before in inputs:
            return after, before
    if not ways:
        raise PassError(f"--generate: '{text}' is not OUTPUT:INPUT", FORM)
    after, before = ways[0]
    for kind, name, known in (("output", after, outputs), ("input", before, inputs)):
        if name not in known:
            raise PassError(
                f"--generate {text}: the model has no {kind} '{name}' ({kind}s: {', '.join(known)})",
                nearest(name, known),
            )
    raise PassError(f"--generate: '{text}' is not OUTPUT:INPUT", FORM)


def _token(token: str, argument: SSAValue, logits: str, scores: SSAValue) -> int:
    """Check the pair that feeds a token back; gives the number of words."""
    kind, shape = type_of(argument).get_element_type(), shape_of(argument)
    where = f"--generate {logits}:{token}"
    if kind not in (i32, i64):
        raise PassError(
            f"{where}: a token is a whole number (i32 or i64), input '{token}' holds {kind}",
            f"the first pair is LOGITS:TOKEN, the others are states: {FORM}",
        )
    if prod(shape) != 1 or any(symbols_of(argument)):
        raise PassError(
            f"{where}: a step takes one token of one sequence, input '{token}' has the shape {list(shape)}",
            f"give the model one step: --shape {token}={','.join('1' for _ in shape)}",
        )
    kind, shape = type_of(scores).get_element_type(), shape_of(scores)
    if not is_float(kind):
        raise PassError(f"{where}: logits are floats, output '{logits}' holds {kind}")
    if not shape or prod(shape) != shape[-1] or not shape[-1] or any(symbols_of(scores)):
        raise PassError(
            f"{where}: logits are one row of scores, output '{logits}' has the shape {list(shape)}"
        )
    return shape[-1]
