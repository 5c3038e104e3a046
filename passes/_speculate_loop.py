"""What of an rnn.while is guessed: the state that is a word, how many words there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import is_float, is_integer, shape_of, symbols_of, type_of
from rnncc.passes._emit import Emitter, constant_of

_VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastOp, nn.CastOp)


class Declined(Exception):
    """Why a while is not speculated; the text follows its name."""


@dataclass(frozen=True)
class Words:
    """The word of a generator.

    Attributes:
        state: the number of the state that is the word generated last.
        vocabulary: words are 0 .. vocabulary - 1.
    """

    state: int
    vocabulary: int


def counted(scan: rnn.ScanOp) -> bool:
    """Whether a scan is a while that only its number of steps ends, as canonicalisation makes them."""
    timed = bool(scan.inputs) or bool(scan.symbol.data) or scan.lens is not None
    return not timed and not any(scan.output_flags)


def as_while(scan: rnn.ScanOp) -> rnn.WhileOp:
    """Replace a `counted` scan by the while that it is."""
    condition = Block(arg_types=[rnn.INDEX, *(v.type for v in scan.inits)])
    always = Emitter(scan, InsertPoint.at_end(condition)).constant(np.asarray(True))
    condition.add_op(rnn.YieldOp(always))
    body = scan.detach_region(scan.body)
    loop = rnn.WhileOp.make(scan.inits, condition, body, max_steps=scan.count, steps=scan.steps)
    loop.attributes |= scan.attributes
    Emitter(scan).add(loop)
    for old, value in zip(scan.results, [*loop.states, *loop.outputs], strict=True):
        value.name_hint = old.name_hint
        old.replace_all_uses_with(value)
    scan.detach()
    scan.erase()
    return loop


def find_words(loop: rnn.Recurrence) -> Words:
    """The word of a loop.

    It is a whole number by which a table is gathered from, or which an arg-max makes.

    Raises:
        Declined: there is no such state, or several, or the loop generates several texts at once.
    """
    found: list[Words] = []
    sizes = []
    for number, (argument, new) in enumerate(
        zip(loop.state_args, loop.yielded_states, strict=True)
    ):
        kind = type_of(argument)
        if not is_integer(kind.get_element_type()) or any(symbols_of(argument)):
            continue
        counts = [*_gathered(argument), *_chosen(new)]
        if counts and _made_by_model(loop, new):
            sizes.append(prod(shape_of(argument)))
            found.append(Words(number, min(counts)))
    if not found:
        raise Declined("no state of it is a word: a whole number that an embedding is looked up by")
    if len(found) > 1:
        raise Declined(f"{len(found)} of its states look like words")
    if sizes[0] != 1:
        raise Declined(f"it generates {sizes[0]} texts at once, each with right words of its own")
    return found[0]


def drop_counting_from_end(word: SSAValue) -> None:
    """A word is never negative: what ONNX Gather does with an index that counts from the end goes.

    ``select(word < 0, word + n, word)`` becomes the word.
    """
    for use in list(word.uses):
        op = use.operation
        if isinstance(op, nn.SelectOp) and use.index == 2 and _is_negative(op.c, word):
            op.result.replace_all_uses_with(op.b)
        elif isinstance(op, nn.ReshapeOp | nn.CastOp):
            drop_counting_from_end(op.result)


def _is_negative(condition: SSAValue, word: SSAValue) -> bool:
    """Whether a condition asks if a word is below zero."""
    op = condition.owner
    if not isinstance(op, nn.CompareOp) or op.kind.data != "lt" or op.a is not word:
        return False
    bound = constant_of(op.b)
    return bound is not None and not bound.any()


def _made_by_model(loop: rnn.Recurrence, value: SSAValue) -> bool:
    """Whether a value is computed from logits, and does not only count."""
    seen: set[Operation] = set()
    work = [value]
    while work:
        owner = work.pop().owner
        if not isinstance(owner, Operation) or owner in seen or not loop.is_ancestor(owner):
            continue
        seen.add(owner)
        if any(is_float(type_of(v).get_element_type()) for v in owner.operands):
            return True
        work += [v for inner in owner.walk() for v in inner.operands]
    return False


def _gathered(value: SSAValue) -> Iterator[int]:
    """Sizes of the tables that a value picks rows of, through views."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, nn.GatherOp) and use.index == 1:
            yield shape_of(op.data)[op.axis.value.data]
        elif isinstance(op, (*_VIEWS, nn.BinaryOp, nn.SelectOp)):
            # Select and add make negative numbers count from the end, as ONNX Gather has it.
            yield from _gathered(op.results[0])
        elif isinstance(op, rnn.ScanOp) and use.index < len(op.inputs):
            yield from _gathered(op.slice_args[use.index])


def _chosen(value: SSAValue) -> Iterator[int]:
    """Size of the axis that a value is the arg-max of, through views."""
    op = value.owner
    if isinstance(op, nn.ArgReduceOp):
        yield shape_of(op.x)[op.axis.value.data]
    elif isinstance(op, _VIEWS):
        yield from _chosen(op.operands[0])
