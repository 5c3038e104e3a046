"""A scan that does a part of another one's step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects._types import copy_node
from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp
from rnncc.passes._emit import Emitter

Stacked = tuple[SSAValue, bool]
"""A value of a step, and whether its values of all steps run backward."""


def part_of(
    scan: ScanOp,
    ops: Collection[Operation],
    states: Sequence[int],
    outputs: Sequence[Stacked],
    given: Mapping[SSAValue, Stacked],
) -> ScanOp:
    """Insert before a scan one that carries some of its states and does some of its operations.

    Args:
        ops: the operations of the step that are copied.
        states: numbers of the states that are carried.
        outputs: values of the step that are made by `ops`, read or carried, to be stacked.
        given: values of the step that come from sequences: value -> (sequence, whether it is read
            backward). The scan's own inputs need not be named.
    """
    own = zip(scan.slice_args, zip(scan.inputs, scan.input_flags, strict=True), strict=True)
    sequences = {**dict(own), **given}
    carried = [scan.state_args[k] for k in states]
    yielded = [scan.yielded_states[k] for k in states] + [v for v, _ in outputs]
    reads = {v for op in ops for inner in op.walk() for v in inner.operands} | set(yielded)
    inputs = [v for v in sequences if v in reads]
    block = Block(arg_types=[INDEX, *(v.type for v in (*inputs, *carried))])
    mapping: dict[SSAValue, SSAValue] = {}
    for argument, old in zip(block.args, (scan.index, *inputs, *carried), strict=True):
        argument.name_hint = old.name_hint
        mapping[old] = argument
    emit = Emitter(scan, InsertPoint.at_end(block))
    for op in scan.body.block.ops:
        if op in ops:
            emit.add(op.clone(mapping))
    end = YieldOp(*(mapping.get(v, v) for v in yielded))
    copy_node(scan.terminator, end)
    block.add_op(end)
    part = ScanOp.make(
        [sequences[v][0] for v in inputs],
        [scan.inits[k] for k in states],
        block,
        max_steps=scan.count,
        symbol=scan.symbol.data,
        lens=scan.lens,
        steps=scan.steps,
        input_reverse=[sequences[v][1] for v in inputs],
        output_reverse=[flag for _, flag in outputs],
    )
    part.attributes |= scan.attributes
    Emitter(scan).add(part)
    for k, state in zip(states, part.states, strict=True):
        state.name_hint = scan.states[k].name_hint
    return part


def erase_scan(scan: ScanOp) -> None:
    """Erase a scan whose results have no uses any more."""
    scan.detach()
    scan.erase()
