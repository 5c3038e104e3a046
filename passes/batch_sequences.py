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

``cellular`` serves up to `requests` sequences with `size` slots: one that ends makes room for the next at the very
next step, so that no slot waits for the longest of a batch. A slot is a row that runs through its requests end to
end; at the first step of one its states start anew. Towards the end, slots that have nothing left to do
leave the step, as rows of ``pack`` do. The host decides who runs where, as in BatchMaker, and lays inputs and
outputs out accordingly (``rnncc.slots``); callers give and get one row for each request. The time that
the model is compiled for is that of a slot: all its requests. Both directions work; what mixes them in one
scan, reads by position what all requests share, or joins a request's steps with its other values is refused.

Source: packed sequences of cuDNN (Appleyard et al. 2016, arXiv:1604.01946); cellular batching
(BatchMaker, Gao et al., EuroSys 2018).

Raises:
    PassError: size or policy out of range; an operation without an exact batched form, by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp, i32
from xdsl.ir import Block, Region
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from rnncc.dialects import rnn
from rnncc.dialects._batch_signature import BATCH_ATTR, BatchSignature
from rnncc.dialects._types import shape_of, tensor_type, type_of
from rnncc.errors import PassError, nearest
from rnncc.passes import _batch_ports as ports
from rnncc.passes._emit import Emitter
from rnncc.passes._remarks import remark
from rnncc.passes._rows import Rows, spread
from rnncc.passes._rows_order import Order
from rnncc.passes._rows_scan import Batcher
from rnncc.passes._rows_slots import STEP_ROLES, SlotBatcher

POLICIES = ("pad", "pack", "cellular")
MOVERS = ("host", "machine", "caller")
LARGEST = 65536
ORDER_NOTES = {
    "any": "in any order",
    "host": "ordered by the host",
    "caller": "longest first",
    "slots": "laid out in slots by the host",
}


@dataclass(frozen=True)
class BatchSequencesPass(ModulePass):
    """Serve `size` sequences with a model made for one."""

    name = "batch-sequences"

    size: int = 8
    """The number of sequences at a time, 1 to 65536."""
    policy: str = "pad"
    """``pad``, ``pack`` or ``cellular``."""
    ragged: bool = False
    """Whether sequences may have different lengths (``pack`` and ``cellular`` imply it)."""
    order: str = "host"
    """Who puts the longest rows first for ``pack``: ``host``, ``machine``, or the ``caller``."""
    requests: int = 0
    """For ``cellular``: the most sequences of a run, 1 to 65536; 0 is 8 times `size`."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite every function of the module."""
        self._check()
        for function in op.body.block.ops:
            if isinstance(function, func.FuncOp) and function.body.blocks:
                self._function(function)

    def _check(self) -> None:
        if not 1 <= self.size <= LARGEST:
            raise PassError(f"batch-sequences: size {self.size} is outside 1..{LARGEST}")
        if self.policy not in POLICIES:
            raise PassError(
                f"batch-sequences: unknown policy '{self.policy}' (policies: {', '.join(POLICIES)})",
                nearest(self.policy, POLICIES),
            )
        if self.order not in MOVERS:
            raise PassError(
                f"batch-sequences: unknown order '{self.order}' (orders: {', '.join(MOVERS)})",
                nearest(self.order, MOVERS),
            )
        if self.policy != "pack" and self.order != "host":
            raise PassError(
                f"batch-sequences: order={self.order} means nothing to policy={self.policy}",
                "only pack orders rows by their lengths",
            )
        if self.policy != "cellular" and self.requests:
            raise PassError(
                f"batch-sequences: requests={self.requests} means nothing to policy={self.policy}",
                "only cellular serves more sequences than it has rows",
            )
        if not 0 <= self.requests <= LARGEST:
            raise PassError(f"batch-sequences: requests {self.requests} is outside 0..{LARGEST}")

    def _function(self, function: func.FuncOp) -> None:
        for inner in function.walk():
            if isinstance(inner, rnn.CellOp) or inner.name.startswith("onnx."):
                raise PassError(
                    f"batch-sequences: {inner.name} is left in the function",
                    "run it after decompose-cells",
                )
        source = function.body.block
        target = Block()
        ragged = self.ragged or self.policy != "pad"
        batcher = self._batcher()
        emit = Emitter(function, InsertPoint.at_end(target))
        steps = ports.counts(function)
        given, requests = list(source.args), getattr(batcher, "requests", 0)
        for old in given:
            batcher.env[old] = ports.add_argument(target, old, steps, self.size, requests, ragged)
        places = [_rows(batcher.env[old]) for old in given]
        order, added = None, {}
        if ragged:
            batcher.lengths = ports.add_plain(target, "lengths", tensor_type(i32, [self.size]))
        if isinstance(batcher, SlotBatcher):
            added = ports.add_roles(batcher, source, target, steps)
        elif batcher.packed and self.size > 1 and self.order == "machine":
            order = _ordered(batcher, emit)
        results = _body(batcher, source, target, order)
        names = ["lengths"] * ragged + ports.drop_unused(target, added)
        _replace_body(function, target)
        ports.add_names(function, names)
        if ragged:
            self._declare(function, batcher, places, names, results)

    def _batcher(self) -> Batcher:
        if self.policy != "cellular":
            return Batcher(self.size, packed=self.policy == "pack")
        return SlotBatcher(self.size, packed=True, requests=self.requests or 8 * self.size)

    def _declare(
        self,
        function: func.FuncOp,
        batcher: Batcher,
        places: list[Rows],
        names: list[str],
        results: list[Rows],
    ) -> None:
        """Say in the signature where the rows are, and who orders them."""
        if not batcher.times:
            raise PassError(
                "batch-sequences: no recurrence steps over an input, so that lengths mean nothing",
                "leave ragged out, with policy=pad",
            )
        most, symbol = min(batcher.times)
        waits = batcher.packed and self.size > 1 and self.order != "machine"
        order = "slots" if self.policy == "cellular" else self.order if waits else "any"
        inputs = [ports.row_axes(r) for r in places]
        outputs = [ports.row_axes(r) for r in results]
        steps = [(1, 0) if n in STEP_ROLES else (0, -1) for n in names]
        signature = BatchSignature(
            len(places),
            most,
            symbol,
            order,
            tuple(axis for axis, _ in (*inputs, *steps)),
            tuple(axis for axis, _ in outputs),
        )
        if order == "slots":
            signature = replace(
                signature,
                requests=getattr(batcher, "requests", 0),
                times=tuple(time for _, time in (*inputs, *steps)),
                output_times=tuple(time for _, time in outputs),
                roles=("",) * len(places) + tuple(names),
            )
        function.attributes[BATCH_ATTR] = signature.attribute()
        what = (
            f"{self.size} sequences at a time"
            if order == "slots"
            else f"{self.size} sequences a run"
        )
        remark(
            function.body.block.first_op or function,
            self.name,
            f"{what}, {self.policy}, rows {ORDER_NOTES[order]}",
        )


def _rows(value: object) -> Rows:
    assert isinstance(value, Rows)
    return value


def _ordered(batcher: Batcher, emit: Emitter) -> Order:
    """Put the longest rows first on the machine."""
    assert batcher.lengths is not None
    order = Order.of(emit, batcher.lengths)
    batcher.lengths = order.sorted(emit, batcher.lengths, 0)
    for old, rows in batcher.env.items():
        if isinstance(rows, Rows):
            batcher.env[old] = replace(rows, value=order.sorted(emit, rows.value, rows.axis))
    return order


def _body(batcher: Batcher, source: Block, target: Block, order: Order | None) -> list[Rows]:
    """Everything in its form for many; gives where the rows of each result are."""
    end = source.last_op
    assert isinstance(end, func.ReturnOp)
    for op in source.ops:
        if op is not end:
            batcher.operation(op, Emitter(op, InsertPoint.at_end(target)))
    emit = Emitter(end, InsertPoint.at_end(target))
    results = []
    for old in end.arguments:
        made = batcher.env[old]
        if not isinstance(made, Rows):
            size = getattr(batcher, "requests", batcher.size)
            made = Rows(spread(emit, made, 0, False, size), type_of(old), 0, False, whole=True)
        shape = shape_of(made.one)
        if not made.grown and made.axis < len(shape) and shape[made.axis] == 1:
            made = replace(made, value=made.put(emit, made.axis, True), grown=True)
        if order is not None:
            made = replace(made, value=order.restored(emit, made.value, made.axis))
        made.value.name_hint = old.name_hint
        results.append(made)
    target.add_op(func.ReturnOp(*(r.value for r in results)))
    return results


def _replace_body(function: func.FuncOp, target: Block) -> None:
    """Put the new block in."""
    end = target.last_op
    assert isinstance(end, func.ReturnOp)
    kind = FunctionType.from_lists([a.type for a in target.args], [v.type for v in end.arguments])
    old = function.detach_region(function.body)
    function.add_region(Region(target))
    old.drop_all_references()
    function.properties["function_type"] = kind
