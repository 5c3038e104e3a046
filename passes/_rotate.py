"""A pipelined loop as code: what runs before it, its kernel, and what runs after it.

Turn i of the kernel does the late stage of turn i and the early stage of turn i + `ahead`. Before it
the early stages of the first turns run, after it the late stages of the last ones; a run-time count
may be smaller than that, so both are loops then. An early stage that writes nothing but the loop's
own buffers, and cannot fail, needs no such guard: what it prepares in vain nobody reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Block, Operation, Region, SSAValue

from rnncc.dialects import npu
from rnncc.passes._dependence import Node
from rnncc.passes._pipeline_plan import PipelinePlan
from rnncc.passes._pipeline_search import writes_only
from rnncc.passes._turn_clone import Affine, Copies, Scalars, Turn
from rnncc.passes._windows import AccessTable

KERNEL_ATTR = "rnncc.kernel"
"""On a loop whose body is in its final order: cycles from turn to turn."""

FIRST = Affine(None)
"""Turn 0."""


class Rotation:
    """Builds the code of one pipelined loop.

    Args:
        loop: stays as it is, outside of the new code.
        graph: the nodes of its body.
        plan: what to do.
        private: buffers that each turn fills before it reads them.
        table: what the nodes touch.
    """

    def __init__(
        self,
        loop: npu.LoopOp,
        graph: Sequence[Node],
        plan: PipelinePlan,
        private: set[SSAValue],
        table: AccessTable,
    ):
        self.loop, self.graph, self.plan = loop, graph, plan
        self.block = Block()
        self.own, self.shared, self.copied = self._storage(private)
        self.harmless = writes_only(graph, plan.stages, private, table) and all(
            self._cannot_fail(node.op) for node in self._stage(0)
        )

    def code(self) -> list[Operation]:
        """The operations that replace the loop, detached, in order."""
        early, late, ahead = self._stage(0), self._stage(1), self.plan.ahead
        count, outside = self.loop.maximum, Scalars(self.block)
        if self.loop.count is None:
            self._turns(ahead, early)
            self._kernel(count - ahead)
            self._turns(ahead, late, Affine(None, count - ahead))
        else:
            some = outside.scalar("min", self.loop.count, outside.immediate(ahead))
            rest = outside.scalar("sub", self.loop.count, some)
            self._turns(ahead if self.harmless else some, early)
            self._kernel(rest)
            self._turns(some, late, Affine(rest))
        operations = list(self.block.ops)
        for op in operations:
            op.detach()
        return operations

    def _stage(self, stage: int) -> list[Node]:
        return [self.graph[n] for n in self.plan.order if self.plan.stages[n] == stage]

    def _cannot_fail(self, op: Operation) -> bool:
        """Whether an operation is sound for turn 0 of a loop that has no turn.

        A gather may find an index that no turn was meant to read, and a register beside the loop's own may point
        behind the last row: what it reads then is not there.
        """
        if op.regions or isinstance(op, npu.GatherOp | npu.ReadOp):
            return False
        views = [value.owner for value in op.operands if isinstance(value.owner, npu.ViewOp)]
        return all(v.index is None or v.index is self.loop.body.block.args[0] for v in views)

    def _storage(
        self, private: set[SSAValue]
    ) -> tuple[list[npu.AllocOp], dict[SSAValue, SSAValue], dict[SSAValue, Copies]]:
        """Buffers that each piece of code has for itself, that all share, that have copies."""
        stages: dict[SSAValue, set[int]] = {}
        for node in self.graph:
            for buffer in node.buffers:
                stages.setdefault(buffer, set()).add(self.plan.stages[node.number])
        own: list[npu.AllocOp] = []
        shared: dict[SSAValue, SSAValue] = {}
        copied: dict[SSAValue, Copies] = {}
        for buffer, found in stages.items():
            alloc = buffer.owner
            if not isinstance(alloc, npu.AllocOp):
                continue
            if buffer in self.plan.copied:
                copied[buffer] = self._copies(alloc)
            elif buffer in private and len(found) == 1:
                own.append(alloc)
            elif alloc.parent is self.loop.body.block:
                copy = alloc.clone()
                self.block.add_op(copy)
                shared[buffer] = copy.buffer
        return own, shared, copied

    def _copies(self, alloc: npu.AllocOp) -> Copies:
        """Storage for a buffer's copies, side by side."""
        type_, count = alloc.buffer.type, self.plan.ahead + 1
        assert isinstance(type_, npu.BufferType)
        shape = (count, *type_.dims)
        memory = npu.memory_of(alloc.buffer)
        all_ = npu.AllocOp(shape, type_.element_type, memory, alloc.sym.data)
        all_.attributes |= alloc.attributes
        self.block.add_op(all_)
        return Copies(all_.buffer, type_.elements, count)

    def _turns(self, count: int | SSAValue, nodes: Sequence[Node], first: Affine = FIRST) -> None:
        """Some turns of one stage: straight code for one, a loop for more or a run-time number."""
        if count == 1:
            self._turn(Scalars(self.block), first, nodes)
            return
        block = Block(arg_types=[npu.REG])
        index, scalars = block.args[0], Scalars(block)
        number = Affine(index, first.offset)
        if first.register is not None:
            # A single turn at most has the index 0.
            one = self.plan.ahead == 1
            number = first if one else Affine(scalars.scalar("add", first.register, index))
        elif self.plan.ahead == 1:
            number = first
        self._turn(scalars, number, nodes)
        loop = npu.LoopOp(count, Region(block), self.plan.ahead)
        loop.attributes |= self.loop.attributes
        self.block.add_op(loop)

    def _turn(self, scalars: Scalars, number: Affine, nodes: Sequence[Node]) -> None:
        turn = Turn(self.loop, number, scalars, self._buffers(scalars.block), self.copied)
        for node in nodes:
            turn.copy(node.op)

    def _buffers(self, block: Block) -> dict[SSAValue, SSAValue]:
        """What replaces the body's buffers in one piece of code."""
        found = dict(self.shared)
        for alloc in self.own:
            copy = alloc.clone()
            block.add_op(copy)
            found[alloc.buffer] = copy.buffer
        return found

    def _kernel(self, count: int | SSAValue) -> None:
        block = Block(arg_types=[npu.REG])
        index, scalars, buffers = block.args[0], Scalars(block), self._buffers(block)
        early, late = (
            Turn(self.loop, Affine(index, ahead), scalars, buffers, self.copied)
            for ahead in (self.plan.ahead, 0)
        )
        for number in self.plan.order:
            turn = late if self.plan.stages[number] else early
            turn.copy(self.graph[number].op)
        kernel = npu.LoopOp(count, Region(block), self.loop.maximum - self.plan.ahead)
        kernel.attributes |= self.loop.attributes
        kernel.attributes[KERNEL_ATTR] = IntegerAttr(ceil(self.plan.interval), i64)
        self.block.add_op(kernel)
