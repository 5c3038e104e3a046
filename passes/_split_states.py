"""States that hold those of several layers, one after the other, come apart."""

from __future__ import annotations

from itertools import accumulate

from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import copy_node, shape_of
from rnncc.passes._emit import Emitter


def split_states(loop: rnn.Recurrence) -> rnn.Recurrence:
    """Carry the parts of a state that a step takes apart and puts together again.

    PyTorch's stacked layers have one state [layers, batch, hidden]: the step slices each layer's part
    out and concatenates the new ones, so that layers seem to need one another.

    Returns:
        The loop, or what has replaced it.
    """
    for number in reversed(range(len(loop.inits))):
        parts = loop.yielded_states[number].owner
        if isinstance(parts, nn.ConcatOp) and _comes_apart(loop, number, parts):
            loop = _split(loop, number, parts)
    return loop


def _bounds(parts: nn.ConcatOp) -> list[tuple[int, int]]:
    """Start and size of each part along the axis."""
    sizes = [shape_of(v)[parts.axis.value.data] for v in parts.parts]
    return list(zip(accumulate(sizes, initial=0), sizes, strict=False))


def _comes_apart(loop: rnn.Recurrence, number: int, parts: nn.ConcatOp) -> bool:
    """Whether nothing reads a state but slices within one part."""
    if loop.is_ancestor(parts) is False or len(parts.parts) < 2:
        return False
    if isinstance(loop, rnn.WhileOp) and loop.tested[number].first_use is not None:
        return False
    # With lens axis 0 is the batch, which every state must have.
    if isinstance(loop, rnn.ScanOp) and loop.lens is not None and parts.axis.value.data == 0:
        return False
    return all(
        isinstance(use.operation, nn.SliceOp) and _part_of(use.operation, parts) is not None
        for use in loop.state_args[number].uses
    )


def _part_of(piece: nn.SliceOp, parts: nn.ConcatOp) -> tuple[int, int] | None:
    """The part that a slice lies within, and where in it the slice starts."""
    axis = parts.axis.value.data
    start, size = piece.starts.get_values()[axis], piece.sizes.get_values()[axis]
    if any(step != 1 for step in piece.steps.get_values()):
        return None
    for number, (first, length) in enumerate(_bounds(parts)):
        if first <= start and start + size <= first + length:
            return number, start - first
    return None


def _split(loop: rnn.Recurrence, number: int, parts: nn.ConcatOp) -> rnn.Recurrence:
    emit = Emitter(loop)
    axis = parts.axis.value.data
    values = list(parts.parts)
    inits = [emit.part(loop.inits[number], axis, *bounds) for bounds in _bounds(parts)]
    old = loop.state_args[number]
    block = loop.body.block
    arguments = [block.insert_arg(v.type, old.index + 1 + k) for k, v in enumerate(values)]
    for use in list(old.uses):
        piece = use.operation
        assert isinstance(piece, nn.SliceOp)
        found = _part_of(piece, parts)
        assert found is not None
        starts = list(piece.starts.get_values())
        starts[axis] = found[1]
        smaller = Emitter(piece)(nn.SliceOp(arguments[found[0]], starts, piece.sizes.get_values()))
        piece.result.replace_all_uses_with(smaller)
        piece.detach()
        piece.erase()
    block.erase_arg(old)
    if isinstance(loop, rnn.WhileOp):
        tested = loop.tested[number]
        for k, value in enumerate(values):
            loop.condition.block.insert_arg(value.type, tested.index + 1 + k)
        loop.condition.block.erase_arg(tested)
    end = loop.terminator
    yielded = list(end.arguments)
    yielded[number : number + 1] = values
    new_end = rnn.YieldOp(*yielded)
    copy_node(end, new_end)
    end.detach()
    end.erase()
    block.add_op(new_end)
    whole = list(loop.inits)
    whole[number : number + 1] = inits
    new = _remade(loop, whole)
    emit.add(new)
    states: list[SSAValue] = [*new.states]
    joined = Emitter(loop, InsertPoint.after(new))(
        nn.ConcatOp(states[number : number + len(values)], axis)
    )
    states[number : number + len(values)] = [joined]
    rest = new.results[len(new.inits) :]
    for before, value in zip(loop.results, [*states, *rest], strict=True):
        value.name_hint = value.name_hint or before.name_hint
        before.replace_all_uses_with(value)
    loop.detach()
    loop.erase()
    return new


def _remade(loop: rnn.Recurrence, inits: list[SSAValue]) -> rnn.Recurrence:
    """The loop on other initial states."""
    if isinstance(loop, rnn.WhileOp):
        regions = [loop.detach_region(region) for region in (loop.condition, loop.body)]
        new = rnn.WhileOp.make(inits, *regions, max_steps=loop.count, steps=loop.steps)
    else:
        new = rnn.ScanOp.make(
            list(loop.inputs),
            inits,
            loop.detach_region(loop.body),
            max_steps=loop.count,
            symbol=loop.symbol.data,
            lens=loop.lens,
            steps=loop.steps,
            input_reverse=loop.input_flags,
            output_reverse=loop.output_flags,
        )
    new.attributes |= loop.attributes
    return new
