"""Copies of a loop body's operations for another turn: views and registers as of that turn.

A register of the body is known for the turn as ``register * scale + offset``, so that the turn
after the one that the loop counts costs no instruction where only addresses depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.ir import Block, Operation, Region, SSAValue

from rnncc.dialects import npu
from rnncc.isa.scalar import evaluate
from rnncc.passes._dependence import is_node


@dataclass(frozen=True)
class Affine:
    """``register * scale + offset``; just the offset without a register."""

    register: SSAValue | None
    offset: int = 0
    scale: int = 1


@dataclass(frozen=True)
class Copies:
    """Where the copies of a buffer are.

    Attributes:
        buffer: holds them all.
        size: elements from one to the next.
        count: how many.
    """

    buffer: SSAValue
    size: int
    count: int


class Scalars:
    """Appends scalar instructions to a block, each once."""

    def __init__(self, block: Block):
        self.block = block
        self._known: dict[tuple[object, ...], SSAValue] = {}

    def add(self, op: Operation) -> Operation:
        """Append an operation."""
        self.block.add_op(op)
        return op

    def immediate(self, value: int) -> SSAValue:
        """A register that holds a number."""
        if ("imm", value) not in self._known:
            op = npu.ImmediateOp(value)
            self.add(op)
            self._known["imm", value] = op.result
        return self._known["imm", value]

    def scalar(self, kind: str, a: SSAValue, b: SSAValue) -> SSAValue:
        """``a kind b``."""
        if (kind, a, b) not in self._known:
            op = npu.ScalarOp(kind, a, b)
            self.add(op)
            self._known[kind, a, b] = op.result
        return self._known[kind, a, b]

    def register(self, value: Affine) -> SSAValue:
        """A register that holds an affine value."""
        found = value.register
        if found is None:
            return self.immediate(value.offset)
        if value.scale != 1:
            found = self.scalar("mul", found, self.immediate(value.scale))
        if value.offset:
            found = self.scalar("add", found, self.immediate(value.offset))
        return found


class Turn:
    """Copies operations of one loop body as they are in one turn.

    Args:
        loop: the loop whose body is copied.
        number: the turn.
        scalars: where copies go.
        buffers: what replaces the buffers that are allocated in the body.
        copied: what replaces the buffers that get copies.
    """

    def __init__(
        self,
        loop: npu.LoopOp,
        number: Affine,
        scalars: Scalars,
        buffers: Mapping[SSAValue, SSAValue],
        copied: Mapping[SSAValue, Copies],
    ):
        self.loop = loop
        self.top = scalars
        self.buffers = buffers
        self.copied = copied
        self.known: dict[SSAValue, Affine] = {loop.index: number}
        self.number = number
        self._buffers: dict[SSAValue, SSAValue] = {}
        self._homes: dict[Block, Scalars] = {}

    def copy(self, op: Operation) -> Operation:
        """Append the copy of a node of the body."""
        return self._add(op, self.top)

    def _add(self, op: Operation, into: Scalars) -> Operation:
        new = into.add(self._copy(op, into))
        for old, result in zip(op.results, new.results, strict=True):
            self.known[old] = Affine(result)
        return new

    def _copy(self, op: Operation, into: Scalars) -> Operation:
        if isinstance(op, npu.LoopOp):
            block = Block(arg_types=[npu.REG])
            self.known[op.index] = Affine(block.args[0])
            self._inside(op.body.block, block)
            count = op.maximum if op.count is None else self._register(op.count, into)
            copy: Operation = npu.LoopOp(count, Region(block), op.maximum)
        elif isinstance(op, npu.IfOp):
            blocks = [Block(), Block()]
            condition = self._register(op.condition, into)
            for region, block in zip(op.regions, blocks, strict=True):
                self._inside(region.block, block)
            copy = npu.IfOp(condition, Region(blocks[0]), Region(blocks[1]))
        else:
            mapper: dict[SSAValue, SSAValue] = {}
            for operand in op.operands:
                owner = operand.owner
                if isinstance(owner, npu.ViewOp):
                    mapper[operand] = self._view(owner, into)
                else:
                    mapper[operand] = self._register(operand, into)
            copy = op.clone(mapper)
        copy.attributes |= op.attributes
        copy.location = op.location
        return copy

    def _inside(self, source: Block, target: Block) -> None:
        """Copy all nodes of an inner block; views and scalars come with their users."""
        into = self._homes[source] = Scalars(target)
        for op in source.ops:
            if isinstance(op, npu.AllocOp):
                copy = op.clone()
                into.add(copy)
                self._buffers[op.buffer] = copy.buffer
            elif is_node(op):
                self._add(op, into)

    def _view(self, view: npu.ViewOp, into: Scalars) -> SSAValue:
        offset, step = view.offset.value.data, view.index_stride.value.data
        at = Affine(None) if view.index is None else self.value(view.index)
        offset, register, step = offset + at.offset * step, at.register, at.scale * step
        buffer = self._buffers.get(view.buffer) or self.buffers.get(view.buffer, view.buffer)
        if view.buffer in self.copied:
            assert register is None
            copies = self.copied[view.buffer]
            place = self._modulo(self.number, copies.count)
            buffer, register = copies.buffer, place.register
            offset, step = offset + place.offset * copies.size, place.scale * copies.size
        if register is None or not step:
            new = npu.ViewOp(buffer, offset, view.stride_values)
        else:
            new = npu.ViewOp(buffer, offset, view.stride_values, register, step)
        into.add(new)
        return new.result

    def _modulo(self, value: Affine, by: int) -> Affine:
        if value.register is None:
            return Affine(None, value.offset % by)
        if value.scale == 1 and by == 2:
            counted = self.top.scalar("mod", value.register, self.top.immediate(2))
            # The turn after an even one is odd: 1 - parity.
            return Affine(counted, 1, -1) if value.offset % 2 else Affine(counted)
        return Affine(self.top.scalar("mod", self.top.register(value), self.top.immediate(by)))

    def _register(self, value: SSAValue, into: Scalars) -> SSAValue:
        known = self.value(value)
        if known.register is not None and known.scale == 1 and not known.offset:
            return known.register
        return into.register(known)

    def value(self, value: SSAValue) -> Affine:
        """What a register of the body, or of an inner block, is in this turn."""
        if value in self.known:
            return self.known[value]
        owner = value.owner
        if isinstance(owner, Block) or not _inside_of(owner, self.loop):
            found = Affine(value)
        elif isinstance(owner, npu.ImmediateOp):
            found = Affine(None, owner.value.value.data)
        elif isinstance(owner, npu.ScalarOp):
            found = self._scalar(owner)
        else:
            found = Affine(self._at_home(owner).add(owner.clone()).results[0])
        self.known[value] = found
        return found

    def _scalar(self, op: npu.ScalarOp) -> Affine:
        a, b, kind = self.value(op.a), self.value(op.b), op.kind.data
        if a.register is None and b.register is None:
            return Affine(None, evaluate(kind, a.offset, b.offset))
        if b.register is None and kind == "mod" and b.offset > 0 and a.register is not None:
            if op.parent is self.loop.body.block:
                return self._modulo(a, b.offset)
        elif b.register is None and kind == "mul" and (a.offset or a.scale != 1):
            return Affine(a.register, a.offset * b.offset, a.scale * b.offset)
        elif b.register is None and kind in ("add", "sub") and (a.offset or a.scale != 1):
            by = b.offset if kind == "add" else -b.offset
            return Affine(a.register, a.offset + by, a.scale)
        home = self._at_home(op)
        return Affine(home.scalar(kind, self._register(op.a, home), self._register(op.b, home)))

    def _at_home(self, op: Operation) -> Scalars:
        """Where the copy of a scalar goes: the top for those of the body itself."""
        if op.parent is self.loop.body.block:
            return self.top
        assert op.parent is not None
        return self._homes[op.parent]


def _inside_of(op: Operation, loop: npu.LoopOp) -> bool:
    current: Operation | None = op
    while current is not None:
        if current is loop:
            return True
        current = current.parent_op()
    return False
