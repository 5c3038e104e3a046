"""Reading sequences from outside a wavefront, each level at its own distance ahead."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter
from rnncc.passes._scan_glue import Time


@dataclass(frozen=True)
class Read:
    """A sequence from outside, as a step reads it.

    Attributes:
        value: the whole sequence.
        time: where its time is.
        reverse: whether step t reads its row n-1-t.
    """

    value: SSAValue
    time: Time
    reverse: bool


class Sequences:
    """Sequences with the time in front, and single rows of them.

    Args:
        emit: where to insert, before the wavefront.
        scan: a member: it has the number of steps.
    """

    def __init__(self, emit: Emitter, scan: ScanOp):
        self.emit, self.scan = emit, scan
        self.steps, self.symbol = scan.count, scan.symbol.data
        self._front: dict[tuple[SSAValue, Time], SSAValue] = {}
        self._count: SSAValue | None = None
        self._length: SSAValue | None = None

    @property
    def run_time(self) -> bool:
        """Whether the number of steps is known at run time only."""
        return bool(self.symbol) or self.scan.steps is not None

    def length(self) -> SSAValue:
        """The actual length of the sequences, i64."""
        if self._length is None:
            if self.symbol:
                line = self.emit(nn.IotaOp(tensor_type(i64, [self.steps], [self.symbol]), 0))
                last = self.emit(nn.ReduceOp("max", line, [0]))
                self._length = self.emit.binary("add", last, self.emit.scalar(1, i64))
            else:
                self._length = self.emit.scalar(self.steps, i64)
        return self._length

    def count(self) -> SSAValue:
        """The actual number of steps, i64, from 0 to the length."""
        if self._count is None:
            self._count = self.length()
            if self.scan.steps is not None:
                least = self.emit.binary("min", self.scan.steps, self._count)
                self._count = self.emit.binary("max", least, self.emit.scalar(0, i64))
        return self._count

    def front(self, value: SSAValue, time: Time) -> SSAValue:
        """The sequence as [T, ...]: one row a step."""
        key = (value, time)
        if key not in self._front:
            whole = value
            if time.axis:
                rest = [a for a in range(len(shape_of(value))) if a != time.axis]
                whole = self.emit(nn.TransposeOp(whole, [time.axis, *rest]))
            if time.factor > 1:
                (_, *shape), (_, *symbols) = shape_of(whole), symbols_of(whole)
                split = (self.steps, time.factor, *shape)
                whole = self.emit.reshape(whole, split, (self.symbol, "", *symbols))
            self._front[key] = whole
        return self._front[key]

    @staticmethod
    def one_step(emit: Emitter, row: SSAValue, time: Time) -> SSAValue:
        """A row of `front` as one step of the sequence: the time's dimension is the factor."""
        if time.factor == 1:
            row = emit.unsqueeze(row, 0)
        if time.axis:
            axes = list(range(1, len(shape_of(row))))
            row = emit(nn.TransposeOp(row, [*axes[: time.axis], 0, *axes[time.axis :]]))
        return row

    def fixed(self, whole: SSAValue, position: int, size: int) -> SSAValue:
        """`size` rows from a known position on."""
        return self.emit.part(whole, 0, position, size)

    def row(self, read: Read, step: int) -> SSAValue:
        """The row that step `step` reads; past the end another row, whose step does not count."""
        whole = self.front(read.value, read.time)
        if not self.run_time:
            position = self.steps - 1 - step if read.reverse else step
            return self.emit.squeeze(self.fixed(whole, position, 1), 0)
        if not self.symbol and not read.reverse:
            return self.emit.squeeze(self.fixed(whole, step, 1), 0)
        number = self.emit.scalar(step, i64)
        return self._picked(self.emit, whole, number, read.reverse)

    def ahead(self, emit: Emitter, read: Read, step: SSAValue) -> SSAValue:
        """In the step of a scan: the row that a step computed there reads, as `row`."""
        return self._picked(emit, self.front(read.value, read.time), step, read.reverse)

    def _picked(self, emit: Emitter, whole: SSAValue, step: SSAValue, reverse: bool) -> SSAValue:
        one = self.emit.scalar(1, i64)
        if reverse:
            last = self.emit.binary("sub", self.count(), one)
            far = emit.binary("sub", last, step)
            position = emit.binary("max", far, self.emit.scalar(0, i64))
        else:
            position = emit.binary("min", step, self.emit.binary("sub", self.length(), one))
        return emit.squeeze(emit(nn.DynamicSliceOp(whole, position, 0, 1)), 0)
