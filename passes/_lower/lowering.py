"""The state of one lowering: which window holds each tensor value, and where results go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn, npu
from rnncc.dialects._types import NODE_ATTR, node_name, shape_of, symbols_of, type_of
from rnncc.dialects.rnn import CellOp
from rnncc.errors import DynamicTimeError, RnnccError, UnsupportedError
from rnncc.passes._lower.attributes import memory_of_value
from rnncc.passes._lower.blocks import Blocks
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.ref import Index, Ref
from rnncc.passes._lower.scalars import derived


class Lowering(Blocks):
    """Values to windows (`env`), and the search for places to write results in.

    Args:
        block: the block that receives the npu operations.
        maxima: largest length of each run-time symbol.
    """

    def __init__(self, block: Block, maxima: dict[str, int]):
        super().__init__(block)
        self.maxima = maxima
        self.env: dict[SSAValue, Ref] = {}
        self.targets: dict[SSAValue, Ref] = {}
        """Places fixed before their value is computed: outputs, states, parts of a concat."""
        self.sinks: dict[tuple[Operation, int], Callable[[], Ref | None]] = {}
        """Places that terminators offer for their operands."""
        self.registers: dict[SSAValue, Index] = {}
        """Scalar tensors that a register holds: step numbers, and what is made of them."""
        self.current: dict[Block | None, Operation] = {}
        """The operation being lowered in each open block of the source."""
        self.rows: dict[SSAValue, Dim] = {}
        """Values of packed steps, and how many of their rows (axis 0) are still running."""
        self.done: set[Operation] = set()
        """Operations that were lowered together with an earlier one."""
        self.handlers: dict[type[Operation], Callable[[Lowering, Operation], None]] = {}
        self.summed: Callable[[Operation, int, SSAValue], bool] = lambda *_: False
        """Whether an operand is to be made where the result will be: a product will add to it."""

    def dims(self, value: SSAValue) -> tuple[Dim, ...]:
        """The extents of a tensor value."""
        dims = tuple(
            self.dim(n, s) for n, s in zip(shape_of(value), symbols_of(value), strict=True)
        )
        return (self.rows[value], *dims[1:]) if value in self.rows else dims

    def dim(self, size: int, symbol: str) -> Dim:
        """An extent of at most `size` that follows `symbol` ("" when static)."""
        if not symbol:
            return Dim(size)
        return Dim(size, self.length(symbol), size // self.maxima[symbol])

    def get(self, value: SSAValue) -> Ref:
        """The window that holds a value."""
        if value not in self.env and value in self.registers:
            index = self.registers[value]
            parent = value.owner.parent_op()  # type: ignore[union-attr]
            line = self.counting(parent.count, type_of(value).get_element_type())  # type: ignore[union-attr]
            self.env[value] = replace(line.at(0, index), level=self.level_of(index))
        return self.env[value]

    def read(self, value: SSAValue) -> Index:
        """The number in a scalar tensor, in a register (or known)."""
        if value in self.registers:
            return self.registers[value]
        number = derived(self, value)
        if number is not None:
            return number
        ref = self.get(value)
        known = self.splat(ref)
        if known is not None:
            return int(known)
        key = ("read", ref)
        depth = max(ref.level, *(self.level_of(r) for r, _ in ref.index), 0)
        with self.at(self.home(depth, key)):
            if key not in self.scope.cache:
                self.scope.cache[key] = self.register(npu.ReadOp(self.view(ref)))
            return self.scope.cache[key]

    def new(self, value: SSAValue, memory: str | None = None) -> Ref:
        """A fresh buffer for a value, in the memory that `place-memory` chose."""
        return self.alloc(
            self.dims(value),
            type_of(value).get_element_type(),
            memory or memory_of_value(value),
            self.label(value),
        )

    def label(self, value: SSAValue) -> str:
        """A name for reports."""
        owner = value.owner
        if isinstance(owner, Operation):
            return node_name(owner) or owner.name
        return value.name_hint or "argument"

    def put(self, value: SSAValue, ref: Ref) -> None:
        """Note where a value is."""
        self.env[value] = ref

    def place(self, value: SSAValue, make: Callable[[SSAValue], Ref] | None = None) -> Ref:
        """Where an operation is to write a result; noted as the value's window.

        Args:
            make: gives the buffer when nobody wants the result in a place of its own; `new` without.
        """
        ref = self.targets.get(value)
        if ref is None:
            ref = self._wanted(value)
        if ref is None:
            ref = (make or self.new)(value)
        off_chip = memory_of_value(value) == "dram"
        ref = replace(ref, level=self.depth, transient=off_chip)
        self.forget(ref.buffer)
        self.env[value] = self.targets[value] = ref
        return ref

    def _wanted(self, value: SSAValue) -> Ref | None:
        """A place that the value's one reader wants it in."""
        memory = memory_of_value(value)
        for use in value.uses:
            op = use.operation
            if op.parent is not _block_of(value):
                continue
            ref = self._wanted_by(op, use.index, value)
            # A value that others read too must not be sent off chip by one of its readers.
            if ref is not None and (ref.memory == memory or single_use(value)):
                return ref
        return None

    def _wanted_by(self, op: Operation, number: int, value: SSAValue) -> Ref | None:
        if (op, number) in self.sinks:
            return self.sinks[op, number]()
        if self.summed(op, number, value):
            return self._result_place(op.results[0])
        if isinstance(op, nn.ConcatOp):
            if [*op.operands].index(value) != number:
                return None
            base = self._result_place(op.result)
            axis = op.axis.value.data
            start = sum(shape_of(v)[axis] for v in op.operands[:number])
            return replace(base.slice(axis, start, shape_of(value)[axis]), dims=self.dims(value))
        if isinstance(op, nn.ReshapeOp) and self._claimed(op.result):
            return self._result_place(op.result).reshape(self.dims(value))
        if isinstance(op, nn.TransposeOp) and self._claimed(op.result):
            perm = op.perm.get_values()
            inverse = [perm.index(i) for i in range(len(perm))]
            return self._result_place(op.result).transpose(inverse)
        return None

    def _claimed(self, value: SSAValue) -> bool:
        if value not in self.targets:
            ref = self._wanted(value)
            if ref is None:
                return False
            self.targets[value] = ref
        return True

    def _result_place(self, value: SSAValue) -> Ref:
        if not self._claimed(value):
            self.targets[value] = self.new(value)
        return self.targets[value]

    # Running

    def run(self, block: Block) -> None:
        """Lower all operations of a block but its terminator's meaning, in order."""
        constants = [op for op in block.ops if isinstance(op, nn.ConstantOp)]
        others = [op for op in block.ops if not isinstance(op, nn.ConstantOp)]
        for op in [*constants, *others]:
            if op in self.done:
                continue
            handler = self.handlers.get(type(op))
            if handler is None:
                raise UnsupportedError(
                    f"{describe(op)}: lower-to-npu does not know {op.name}", _earlier(op)
                )
            before = self.node
            self.node = op.attributes.get(NODE_ATTR, before)
            self.current[block] = self.turn = op
            try:
                handler(self, op)
            except RnnccError as error:
                if error.message.startswith("node '"):
                    raise
                raise type(error)(f"{describe(op)}: {error.message}", error.hint) from error
            finally:
                self.node = before


def _earlier(op: Operation) -> str | None:
    """The hint for an operation that passes above should have replaced."""
    if op.name.startswith("onnx."):
        return "put 'front' at the head of the pipeline: it converts ONNX operations"
    if isinstance(op, CellOp):
        return "put 'decompose-cells', or all of 'recurrence', before it"
    return None


def describe(op: Operation) -> str:
    """The ONNX node and the operation, for messages."""
    node = node_name(op)
    return f"node '{node}' ({op.name})" if node else op.name


def single_use(value: SSAValue) -> bool:
    """Whether exactly one operand reads the value."""
    return value.has_one_use()


def _block_of(value: SSAValue) -> Block | None:
    return value.owner if isinstance(value.owner, Block) else value.owner.parent


def no_reshape(source: Ref, what: str) -> RnnccError:
    """The error for a rearrangement that a run-time length in the middle forbids."""
    return DynamicTimeError(
        f"{what} of {list(source.sizes)} would have to move a run-time length that is not outermost"
    )
