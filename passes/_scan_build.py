"""Building scans out of the steps of other scans."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block, SSAValue

from rnncc.dialects.rnn import INDEX, ScanOp, YieldOp, slice_type
from rnncc.passes._emit import Emitter


def inline_step(scan: ScanOp, emit: Emitter, arguments: Sequence[SSAValue]) -> list[SSAValue]:
    """Copy one step of a scan to where `emit` inserts.

    Args:
        arguments: the step number, the slices and the states, as the step's block takes them.

    Returns:
        What the step yields: the new states, then the outputs.
    """
    mapping: dict[SSAValue, SSAValue] = dict(zip(scan.body.block.args, arguments, strict=True))
    end = scan.terminator
    for op in scan.body.block.ops:
        if op is not end:
            emit.add(op.clone(mapping))
    return [mapping.get(value, value) for value in end.arguments]


def join_scans(scans: Sequence[ScanOp], before: ScanOp) -> ScanOp:
    """One scan that does the steps of all `scans`, inserted before one of them.

    Its inputs, states and outputs are theirs, one scan after the other. The scans must be
    independent, run equally many steps, and everything they read must be defined before `before`.
    They are left without uses, to be erased.
    """
    first = scans[0]
    inputs = [v for s in scans for v in s.inputs]
    inits = [v for s in scans for v in s.inits]
    slices = [slice_type(v.type, first.count, first.symbol.data) for v in inputs]
    block = Block(arg_types=[INDEX, *slices, *(v.type for v in inits)])
    for argument, old in zip(
        block.args,
        [
            first.index,
            *(a for s in scans for a in s.slice_args),
            *(a for s in scans for a in s.state_args),
        ],
        strict=True,
    ):
        argument.name_hint = old.name_hint
    states: list[SSAValue] = []
    outputs: list[SSAValue] = []
    at, state_at = 1, 1 + len(inputs)
    for scan in scans:
        taken = block.args[at : at + len(scan.inputs)]
        carried = block.args[state_at : state_at + len(scan.inits)]
        at, state_at = at + len(taken), state_at + len(carried)
        inside = Emitter(scan).inside(block)
        made = inline_step(scan, inside, [block.args[0], *taken, *carried])
        states += made[: len(carried)]
        outputs += made[len(carried) :]
    block.add_op(YieldOp(*states, *outputs))
    joined = ScanOp.make(
        inputs,
        inits,
        block,
        max_steps=first.count,
        symbol=first.symbol.data,
        lens=first.lens,
        steps=first.steps,
        input_reverse=[f for s in scans for f in s.input_flags],
        output_reverse=[f for s in scans for f in s.output_flags],
    )
    for scan in reversed(scans):
        joined.attributes |= scan.attributes
    parent = before.parent
    assert parent is not None
    joined.location = first.location
    parent.insert_op_before(joined, before)
    state_at, at = 0, len(inits)
    for scan in scans:
        new = [
            *joined.results[state_at : state_at + len(scan.inits)],
            *joined.results[at : at + len(scan.outputs)],
        ]
        state_at, at = state_at + len(scan.inits), at + len(scan.outputs)
        for old, value in zip(scan.results, new, strict=True):
            value.name_hint = old.name_hint
            old.replace_all_uses_with(value)
    return joined
