"""Cellular batching: every row is a slot, in which one request follows the other.

A slot is a sequence of its own, the requests that it serves end to end. At the first step of a request its
states start anew; after its last step they are picked out of what the slot's steps made. So rows are of two
kinds: of each slot (what has a value for each step), and of each whole request (``Rows.whole``: initial and final
states, inputs without time). Slots are sorted by the number of their steps, so that a step works on the
slots that still have something to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xdsl.dialects.builtin import i1, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of, symbols_of, type_of
from rnncc.passes._batch import POINTWISE
from rnncc.passes._emit import Emitter
from rnncc.passes._rows import Rows
from rnncc.passes._rows_common import refuse
from rnncc.passes._rows_scan import Batcher
from rnncc.passes._slot_stream import stream

STEP_ROLES = {"first": i1, "last": i1, "request": i64}
"""Inputs with a value for each step of each slot: whether a request starts there, or ends, and which it is."""
PLACE_ROLES = ("finals", "heads")
"""Inputs with a value for each request: where its last step is and its first, as ``step * slots + slot``."""


@dataclass
class SlotBatcher(Batcher):
    """Rewrites blocks for `size` slots that serve `requests` requests.

    Attributes:
        requests: the most requests of a run.
        roles: the inputs that say what the slots serve: name -> argument of the source, or of the new block for
            ``PLACE_ROLES``.
    """

    requests: int = 0
    roles: dict[str, SSAValue] = field(default_factory=dict)
    _late: set[SSAValue] = field(default_factory=set)
    _step: Block | None = None

    def operation(self, op: Operation, emit: Emitter) -> None:
        """Append the new form of one operation; values of slots and of requests do not mix."""
        reads = self._rows_of(op)
        timed = isinstance(op, rnn.ScanOp) and self._ragged(op)
        kinds = {r.whole for r in reads}
        if len(kinds) > 1 and not timed:
            raise refuse(op, "it joins what a request has at each step with what it has once")
        whole = kinds == {True} and not timed
        self._check_positions(op)
        slots, self.size = self.size, self.requests if whole else self.size
        try:
            super().operation(op, emit)
        finally:
            self.size = slots
        if not timed:
            self._mark(op, whole)

    def _rows_of(self, op: Operation) -> list[Rows]:
        found = (self.env.get(v) for inner in op.walk() for v in inner.operands)
        return [r for r in found if isinstance(r, Rows)]

    def _mark(self, op: Operation, whole: bool) -> None:
        for result in op.results:
            made = self.env.get(result)
            if isinstance(made, Rows):
                self.env[result] = replace(made, whole=whole)

    def _check_positions(self, op: Operation) -> None:
        """What all requests share must not have a value for each step: theirs are at other steps."""
        if not isinstance(op, (*POINTWISE, nn.MatmulOp, nn.ConcatOp)):
            return
        rank = len(shape_of(op.results[0]))
        inner = 2 if isinstance(op, nn.MatmulOp) else 0
        for r in self._rows_of(op):
            if r.time is None:
                continue
            axis = r.time + rank - len(shape_of(r.one))
            for v in op.operands:
                shape = shape_of(v)
                own = axis - (rank - len(shape))
                shared = not isinstance(self.env.get(v), Rows)
                if shared and 0 <= own < len(shape) - inner and shape[own] != 1:
                    raise refuse(
                        op,
                        "it reads by position what all requests share, and they join at any step",
                    )

    # Scans

    def _scan(self, op: rnn.ScanOp, emit: Emitter) -> None:
        if not self._ragged(op):
            super()._scan(op, emit)
            return
        reverse = self._direction(op)
        late = {v for inner in op.walk() for v in inner.operands if self._is_whole(v)}
        request = self.roles["request"] if late else None
        before = op.prev_op
        starts = self.roles["last" if reverse else "first"]
        new, picked = stream(op, starts, request, late.__contains__, reverse)
        ahead = before.next_op if before is not None else new.parent.first_op  # type: ignore[union-attr]
        while ahead is not None and ahead is not new:
            self.operation(ahead, emit)
            ahead = ahead.next_op
        self._late, self._step = late, new.body.block
        super()._scan(new, emit)
        self._step = None
        for number, output in picked.items():
            self.env[new.states[number]] = self._picked(new, number, output, reverse, emit)

    def _is_whole(self, value: SSAValue) -> bool:
        made = self.env.get(value)
        return isinstance(made, Rows) and made.whole

    def _direction(self, op: rnn.ScanOp) -> bool:
        """Whether a scan runs backward; one that cannot be served in slots is refused."""
        flags = {*op.input_flags, *op.output_flags}
        if len(flags) > 1:
            raise refuse(
                op, "it runs in both directions at once, where requests follow one another"
            )
        if op.lens is not None:
            raise refuse(op, "it has lengths of its own, and requests follow one another")
        if op.index.first_use is not None:
            raise refuse(op, "it asks for the number of the step, and requests join at any step")
        if self._step is not None:
            raise refuse(op, "it runs over the time inside of a step")
        for value in op.inputs:
            made = self.env[value]
            if not isinstance(made, Rows) or made.time != 0:
                raise refuse(
                    op, "it reads by position what all requests share, and they join at any step"
                )
        return flags == {True}

    def block(self, source: Block, target: Block) -> None:
        """As ever; in the step of slots, what belongs to a request is picked for each slot first."""
        if source is not self._step or not self._late:
            super().block(source, target)
            return
        scan = source.parent_op()
        assert isinstance(scan, rnn.ScanOp)
        which = self.env[scan.slice_args[-1]]
        assert isinstance(which, Rows)
        emit = Emitter(scan, InsertPoint.at_end(target))
        outside = {v: self.env[v] for v in self._late}
        for value, rows in outside.items():
            assert isinstance(rows, Rows)
            grown = bool(shape_of(rows.one)) and shape_of(rows.one)[0] == 1
            table = rows.put(emit, 0, grown)
            mine = emit(nn.GatherOp(table, which.put(emit, 0, False), 0))
            self.env[value] = Rows(mine, rows.one, 0, grown)
        super().block(source, target)
        self.env.update(outside)

    def _picked(
        self, op: rnn.ScanOp, number: int, output: int, reverse: bool, emit: Emitter
    ) -> Rows:
        """A final state of every request: what the last of its steps made."""
        stacked = self.env[op.outputs[output]]
        assert isinstance(stacked, Rows)
        one = type_of(op.states[number])
        grown = bool(shape_of(one)) and shape_of(one)[0] == 1
        value = stacked.put(emit, 1, grown)
        (steps, slots, *rest), (symbol, *_) = shape_of(value), symbols_of(value)
        flat = emit.reshape(value, (steps * slots, *rest), (symbol, *[""] * len(rest)))
        places = self.roles["heads" if reverse else "finals"]
        made = emit(nn.GatherOp(flat, places, 0))
        return Rows(made, one, 0, grown, whole=True)
