"""Packed scans: a loop over the ends of sequences, in which the rows still running make fewer and fewer.

Rows are sorted, the longest first. While all of them run a step has ``size`` rows; when the last row ends it
has one less. Step and row count of such a stretch come from two neighbouring lengths, in registers.
"""

from __future__ import annotations

from dataclasses import replace

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from rnncc.dialects import npu, rnn
from rnncc.errors import PassError
from rnncc.passes._lower import scan as plain
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Index, Ref
from rnncc.passes._lower.step import Storage
from rnncc.passes._packed import rows_of_step


def scan(low: Lowering, op: rnn.ScanOp) -> None:
    """A packed scan; others as ever."""
    if op.lens is None:
        plain.scan(low, op)
        return
    marked = rows_of_step(op)
    if marked is None:
        raise PassError("lower-to-npu: rnn.scan has lens", "run lower-lengths before")
    states = []
    for init, result in zip(op.inits, op.states, strict=True):
        state = low.new(result)
        low.copy(state, low.get(init))
        states.append(state)
    stacks: list[Ref | None] = []
    for result in op.outputs:
        stack = None if result.first_use is None else low.place(result)
        if stack is not None:
            low.fill(stack, 0)
        stacks.append(stack)
    sequences = {v: plain.sequence(low, v) for v in op.inputs}
    ends = _ends(low, op.lens)
    size = ends.dims[0].size - 1
    if op.count and size:
        with low.loop(Dim(size)) as ended:
            rows = low.scalar("sub", size, ended)
            start, end = _read(low, ends, rows), _read(low, ends, low.scalar("sub", rows, 1))
            steps = low.scalar("sub", end, start)
            assert not isinstance(rows, int) and not isinstance(steps, int)
            active = Dim(size, rows)
            low.rows.update(dict.fromkeys(marked, active))
            storage = _first_rows(Storage(sequences, states, stacks), active)
            plain.turns(low, op, Dim(op.count, steps), storage, start)
    for state in states:
        low.forget(state.buffer)
    for result, state in zip(op.states, states, strict=True):
        low.put(result, state)


def _ends(low: Lowering, lens: SSAValue) -> Ref:
    """The lengths in descending order, and 0 behind them."""
    source = low.get(lens)
    size = source.dims[0].size
    ends = low.alloc([Dim(size + 1)], i32, name="ends")
    low.fill(ends.slice(0, size, 1), 0)
    low.copy(ends.slice(0, 0, size), source)
    return replace(ends, level=low.depth)


def _read(low: Lowering, ends: Ref, place: Index) -> SSAValue:
    return low.register(npu.ReadOp(low.view(ends.at(0, place))))


def _first_rows(storage: Storage, active: Dim) -> Storage:
    """The first `active` rows: the others keep their states, and their outputs are zero."""
    return Storage(
        {v: _narrow(r, 1, active) for v, r in storage.sequences.items()},
        [_narrow(r, 0, active) for r in storage.states],
        [None if r is None else _narrow(r, 1, active) for r in storage.stacks],
    )


def _narrow(ref: Ref, axis: int, active: Dim) -> Ref:
    return replace(ref, dims=(*ref.dims[:axis], active, *ref.dims[axis + 1 :]))


HANDLERS = {rnn.ScanOp: scan}
