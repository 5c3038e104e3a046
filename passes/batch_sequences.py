"""batch-sequences: a model for one sequence serves several independent ones.

Needs: a function of rnn.scan and nn operations (after decompose-cells), compiled for batch 1: before
hoist-input-projection or after it. Ensures: every value that depends on an input has a row for each of
`size` sequences, on the model's batch axis (its axis of size 1) where it has one, else on a new one;
weights and whatever else depends on no input stay as they are, so that a matrix-vector product becomes
one matrix-matrix product. Exact: row b of each output is the output for row b of the inputs alone.

The signature changes: inputs and outputs grow on their batch axis (``x [T, 1, D]`` to ``[T, size, D]``;
``rnncc.inputs`` keeps its names). With ``ragged`` (always for ``pack``) there is one more input at the end,
``lengths [size] i32``, named in ``rnncc.inputs``: sequence b has ``lengths[b]`` steps, and its final states
are those after them. Outputs beyond a sequence's end are zero where a scan makes them, and otherwise
whatever the operations behind it make of that. Operations outside of scans that look along the time
(a mean over it, its last element) have no exact ragged form and are refused by name.

Policies: ``pad`` runs every row to the longest, rows that have ended are frozen. ``pack`` has the longest rows
first; a step then works on the rows that are still running only, the first ones, by extents that come from a
register. Products that were hoisted before this pass are done for all steps of all rows; those hoisted after it
stay in packed scans, where they shrink as well. Callers give their rows in any order and get them back so; who
moves them is ``order``:

- ``host`` (the default): the host writes the inputs into the machine's DRAM longest first and reads the outputs
  back accordingly. It moves every row anyway, so that the machine spends nothing on it. The program file says so
  (``Program.batch``), ``program.run`` does it, and the report names it.
- ``machine``: ranks by counting, a gather on the way in and one on the way out, at the cost of two more passes
  through DRAM; for data that are on the machine already.
- ``caller``: the caller promises descending lengths; each run checks it.

Source: packed sequences of cuDNN (Appleyard et al. 2016, arXiv:1604.01946); cellular batching
(BatchMaker, Gao et al., EuroSys 2018).

Raises:
    PassError: size or policy out of range; an operation without an exact batched form, by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, FunctionType, ModuleOp, StringAttr, i32
from xdsl.ir import Block, BlockArgument, Region
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from rnncc.dialects import rnn
from rnncc.dialects._batch_signature import BATCH_ATTR, BatchSignature
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.errors import PassError, nearest
from rnncc.passes._emit import Emitter
from rnncc.passes._remarks import remark
from rnncc.passes._rows import Rows, argument_place, rows_type, spread
from rnncc.passes._rows_common import Value
from rnncc.passes._rows_order import Order
from rnncc.passes._rows_scan import Batcher

POLICIES = ("pad", "pack")
MOVERS = ("host", "machine", "caller")
LARGEST = 65536


@dataclass(frozen=True)
class BatchSequencesPass(ModulePass):
    """Serve `size` sequences with a model made for one."""

    name = "batch-sequences"

    size: int = 8
    """The number of sequences, 1 to 65536."""
    policy: str = "pad"
    """``pad`` or ``pack``."""
    ragged: bool = False
    """Whether sequences may have different lengths (``pack`` implies it)."""
    order: str = "host"
    """Who puts the longest rows first for ``pack``: ``host``, ``machine``, or the ``caller``."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite every function of the module."""
        if not 1 <= self.size <= LARGEST:
            raise PassError(f"batch-sequences: size {self.size} is outside 1..{LARGEST}")
        if self.policy not in POLICIES:
            raise PassError(
                f"batch-sequences: unknown policy '{self.policy}' (policies: {', '.join(POLICIES)})",
                nearest(self.policy, POLICIES),
            )
        if self.policy == "pad" and self.order != "host":
            raise PassError(
                f"batch-sequences: order={self.order} means nothing to policy=pad, which moves no rows"
            )
        if self.order not in MOVERS:
            raise PassError(
                f"batch-sequences: unknown order '{self.order}' (orders: {', '.join(MOVERS)})",
                nearest(self.order, MOVERS),
            )
        for function in op.body.block.ops:
            if isinstance(function, func.FuncOp) and function.body.blocks:
                self._function(function)

    def _function(self, function: func.FuncOp) -> None:
        for inner in function.walk():
            if isinstance(inner, rnn.CellOp) or inner.name.startswith("onnx."):
                raise PassError(
                    f"batch-sequences: {inner.name} is left in the function",
                    "run it after decompose-cells",
                )
        source = function.body.block
        target = Block()
        ragged = self.ragged or self.policy == "pack"
        batcher = Batcher(self.size, packed=self.policy == "pack")
        emit = Emitter(function, InsertPoint.at_end(target))
        for argument in source.args:
            _argument(batcher, target, argument, _counts(function), ragged)
        order = None
        if ragged:
            lengths = target.insert_arg(tensor_type(i32, [self.size]), len(target.args))
            lengths.name_hint = "lengths"
            batcher.lengths = lengths
            if batcher.packed and self.size > 1 and self.order == "machine":
                order = Order.of(emit, lengths)
                batcher.lengths = order.sorted(emit, lengths, 0)
                for old in source.args:
                    rows = batcher.env[old]
                    assert isinstance(rows, Rows)
                    value = order.sorted(emit, rows.value, rows.axis)
                    batcher.env[old] = Rows(value, rows.one, rows.axis, rows.grown, rows.time)
        places = _body(batcher, source, target, order)
        axes = [_axis(batcher.env[argument]) for argument in source.args]
        _signature(function, target, "lengths" if ragged else None)
        if ragged:
            self._declare(function, batcher, axes, places)

    def _declare(
        self, function: func.FuncOp, batcher: Batcher, axes: list[int], places: list[int]
    ) -> None:
        """Say in the signature where the rows are, and who orders them."""
        if not batcher.times:
            raise PassError(
                "batch-sequences: no recurrence steps over an input, so that lengths mean nothing",
                "leave ragged out, with policy=pad",
            )
        most, symbol = min(batcher.times)
        waits = batcher.packed and self.size > 1 and self.order != "machine"
        place = BatchSignature(
            len(axes), most, symbol, self.order if waits else "any", (*axes, 0), tuple(places)
        )
        function.attributes[BATCH_ATTR] = place.attribute()
        movers = {"any": "in any order", "host": "ordered by the host", "caller": "longest first"}
        remark(
            function.body.block.first_op or function,
            self.name,
            f"{self.size} sequences a run, {self.policy}, rows {movers[place.order]}",
        )


def _counts(function: func.FuncOp) -> set[int]:
    """How many steps the outer scans of a function have."""
    return {op.count for op in function.body.block.ops if isinstance(op, rnn.ScanOp)}


def _argument(
    batcher: Batcher, target: Block, old: BlockArgument, steps: set[int], ragged: bool
) -> None:
    one = type_of(old)
    axis, grown = argument_place(one, steps)
    new = target.insert_arg(rows_type(one, axis, grown, batcher.size), len(target.args))
    new.name_hint = old.name_hint
    batcher.env[old] = Rows(
        new, one, axis, grown, _time(old, axis, grown, steps) if ragged else None
    )


def _time(old: BlockArgument, axis: int, grown: bool, steps: set[int]) -> int | None:
    """The axis of an input along which its sequences run: one with a run-time length, or as long as a scan."""
    shape, symbols = shape_of(old), symbols_of(old)
    free = [i for i, s in enumerate(symbols) if s]
    if free:
        return free[0]
    fixed = [
        i for i, n in enumerate(shape[:-1] or shape) if n in steps and not (grown and i == axis)
    ]
    return fixed[0] if fixed else None


def _axis(value: Value) -> int:
    assert isinstance(value, Rows)
    return value.axis


def _body(batcher: Batcher, source: Block, target: Block, order: Order | None) -> list[int]:
    """Everything in its form for many; gives the axis of the rows in each result."""
    end = source.last_op
    assert isinstance(end, func.ReturnOp)
    for op in source.ops:
        if op is not end:
            batcher.operation(op, Emitter(op, InsertPoint.at_end(target)))
    emit = Emitter(end, InsertPoint.at_end(target))
    values, axes = [], []
    for old in end.arguments:
        made = batcher.env[old]
        if not isinstance(made, Rows):
            made = Rows(spread(emit, made, 0, False, batcher.size), type_of(old), 0, False)
        shape = shape_of(made.one)
        value, axis = made.value, made.axis
        if not made.grown and axis < len(shape) and shape[axis] == 1:
            value = made.put(emit, axis, True)
        if order is not None:
            value = order.restored(emit, value, axis)
        value.name_hint = old.name_hint
        values.append(value)
        axes.append(axis)
    target.add_op(func.ReturnOp(*values))
    return axes


def _signature(function: func.FuncOp, target: Block, extra: str | None) -> None:
    """Put the new block in; name the new input."""
    end = target.last_op
    assert isinstance(end, func.ReturnOp)
    kind = FunctionType.from_lists([a.type for a in target.args], [v.type for v in end.arguments])
    names = function.attributes.get("rnncc.inputs")
    if extra is not None and isinstance(names, ArrayAttr):
        taken = {n.data for n in names if isinstance(n, StringAttr)}
        fresh = next(
            n for i in range(len(taken) + 1) if (n := extra + (f"_{i}" if i else "")) not in taken
        )
        function.attributes["rnncc.inputs"] = ArrayAttr([*names, StringAttr(fresh)])
    old = function.detach_region(function.body)
    function.add_region(Region(target))
    old.drop_all_references()
    function.properties["function_type"] = kind
