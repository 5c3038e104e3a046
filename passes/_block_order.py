"""Orders the blocks of a function, innermost first; loops may be pipelined on the way."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from xdsl.dialects.builtin import IntegerAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import npu
from rnncc.machine import MachineDescription
from rnncc.passes._dependence import Node, dependence_graph, is_node
from rnncc.passes._list_order import list_order
from rnncc.passes._live_ranges import LiveRange, live_ranges
from rnncc.passes._loop_clock import Kernel, settled
from rnncc.passes._loop_graph import loop_edges
from rnncc.passes._lower.panels import PANELS
from rnncc.passes._op_cost import OpCost, control_cost, instruction_cost
from rnncc.passes._pressure import Pressure
from rnncc.passes._rotate import KERNEL_ATTR
from rnncc.passes._windows import AccessTable

Pipeliner = Callable[["Scheduler", npu.LoopOp], bool]
"""Replaces a loop by pipelined code; says whether it did."""


def blocks_of(function: FuncOp) -> list[Block]:
    """The function's body and the bodies of its loops and branches."""
    return [r.block for op in function.walk() if op is function or is_node(op) for r in op.regions]


class Scheduler:
    """Orders blocks; remembers what operations and nested blocks cost."""

    def __init__(
        self,
        machine: MachineDescription,
        function: FuncOp,
        capacity: dict[str, int],
        table: AccessTable | None = None,
        *,
        tight: bool,
        pipeliner: Pipeliner | None = None,
    ):
        """Prepare for one function.

        Args:
            machine: the machine.
            function: whose blocks will be ordered.
            capacity: bytes of the on-chip memories.
            table: what the function's operations touch, where that is known.
            tight: let no order need more on-chip memory than the original one.
            pipeliner: tried on each loop.
        """
        self.machine = machine
        self.function = function
        self.table = table or AccessTable()
        self.tight = tight
        self.capacity = capacity
        self.pipeliner = pipeliner
        self.known: dict[tuple[object, ...], OpCost] = {}
        self.nested: dict[Operation, OpCost] = {}
        self.measure(live_ranges(function, self.table))

    def measure(self, ranges: list[LiveRange]) -> None:
        """Note which buffers live inside one run of a block, and the bytes of all."""
        self.local: dict[Block, set[SSAValue]] = {}
        self.total = dict.fromkeys(self.capacity, 0)
        for item in ranges:
            memory = npu.memory_of(item.buffer)
            if memory in self.capacity:
                self.total[memory] += item.size
                self.local.setdefault(item.home, set()).add(item.buffer)

    def block(self, block: Block) -> int:
        """Order a block and those inside it; returns the cycles it is expected to take."""
        for op in list(block.ops):
            if isinstance(op, npu.LoopOp) and op not in self.nested:
                self._loop(op)
        for op in block.ops:
            if op.regions and op not in self.nested:
                self.nested[op] = self._nested(op)
        graph = dependence_graph(block, self.table, self.local.get(block, set()))
        costs = self.costs(graph)
        local = self.local.get(block, set())
        room = {
            memory: self.capacity[memory]
            - self.total[memory]
            + sum(npu.byte_size(b) for b in local if npu.memory_of(b) == memory)
            for memory in self.capacity
        }
        pressure = Pressure(graph, local, room, self.tight)
        order = list_order(graph, costs, pressure, self.machine)
        rearrange(block, graph, order.numbers)
        return order.cycles

    def costs(self, graph: list[Node]) -> list[OpCost]:
        """The cost of each node of a block whose inner blocks are ordered."""
        return [self.nested.get(node.op) or self._cost(node.op) for node in graph]

    def _loop(self, op: npu.LoopOp) -> None:
        """Order a loop's body; pipeline the loop if that pays."""
        self.nested[op] = self._nested(op)
        if self.pipeliner is not None and KERNEL_ATTR not in op.attributes:
            self.pipeliner(self, op)

    def kernel(self, loop: npu.LoopOp) -> tuple[list[Node], Kernel]:
        """A loop's body as nodes and as a kernel of one stage; its inner blocks must be ordered."""
        graph, edges = loop_edges(loop, self.table)
        scalars = sum(isinstance(op, npu.ScalarOp) for op in loop.body.block.ops)
        return graph, Kernel(self.costs(graph), edges, [0] * len(graph), self.machine, scalars)

    def _nested(self, op: Operation) -> OpCost:
        """A loop or branch as one operation that keeps the dispatcher busy."""
        if isinstance(op, npu.LoopOp):
            return self._repeated(op, *self._turns(op))
        control = self.machine.control
        cycles = max(self.block(region.block) for region in op.regions) + control.branch_cycles
        return OpCost("control", cycles, cycles, cycles, self._inside(op))

    def repeats(self, loop: npu.LoopOp, each: int) -> None:
        """Note that a loop's body has its final order, and what a turn takes in it."""
        self.nested[loop] = self._repeated(loop, each, each)

    def _repeated(self, loop: npu.LoopOp, first: int, each: int) -> OpCost:
        """The cost of a loop from that of its first turn and of each further one."""
        lead, cycles = 0, first + max(0, loop.maximum - 1) * each
        busy = cycles
        if any(_is_load(inner) for inner in loop.body.block.ops):
            # What it loads arrives beside the work before it, as far as there are buffers; and
            # it is all issued when the last turn begins to settle.
            busy = loop.maximum * each
            lead = min(busy, PANELS * each)
        return OpCost("control", busy, cycles, cycles, self._inside(loop), lead=lead)

    def _inside(self, op: Operation) -> frozenset[str]:
        """The queues that the operations inside a loop or branch take."""
        costs = [self._cost(i) for i in op.walk() if isinstance(i, npu.InstructionOp)]
        return frozenset(spent.lane or spent.engine for spent in costs)

    def _turns(self, loop: npu.LoopOp) -> tuple[int, int]:
        """Cycles of a loop's first turn and of each further one."""
        known = loop.attributes.get(KERNEL_ATTR)
        if isinstance(known, IntegerAttr):
            return known.value.data, known.value.data
        first = self.block(loop.body.block) + self.machine.control.loop_cycles
        graph, kernel = self.kernel(loop)
        return first, min(first, ceil(settled(kernel, range(len(graph)))))

    def _cost(self, op: Operation) -> OpCost:
        if not isinstance(op, npu.InstructionOp):
            return control_cost(self.machine, op)
        key = (
            op.name,
            op.properties.get("kind"),
            op.properties.get("accumulate"),
            op.properties["extents"],
            op.dims,
            *((v.type, v.owner.properties["strides"]) for v in op.views),  # type: ignore[union-attr]
        )
        if key not in self.known:
            self.known[key] = instruction_cost(self.machine, op)
        return self.known[key]


def _is_load(op: Operation) -> bool:
    """Whether an operation loads what is there from the start."""
    if not isinstance(op, npu.DmaOp):
        return False
    view = op.src.owner
    return isinstance(view, npu.ViewOp) and isinstance(view.buffer.owner, npu.ConstOp | npu.InputOp)


def refill(block: Block, operations: list[Operation]) -> None:
    """Put exactly these operations into a block, in this order; others are left outside."""
    for op in list(block.ops):
        op.detach()
    for op in operations:
        if op.parent is not None:
            op.detach()
        block.add_op(op)


def rearrange(block: Block, graph: list[Node], numbers: list[int]) -> None:
    """Put the nodes of a block into an order; storage first, views and scalars before their users."""
    operations = list(block.ops)
    last = operations[-1] if operations and operations[-1].name == "func.return" else None
    refill(block, [])
    placed: set[Operation] = set()

    def place(op: Operation) -> None:
        if op in placed:
            return
        placed.add(op)
        for inner in op.walk():
            for operand in inner.operands:
                owner = operand.owner
                if isinstance(owner, Operation) and owner in movable:
                    place(owner)
        block.add_op(op)

    movable = {op for op in operations if not is_node(op)}
    storage = (npu.AllocOp, npu.ConstOp, npu.InputOp, npu.OutputOp)
    for op in operations:
        if isinstance(op, storage):
            place(op)
    for number in numbers:
        place(graph[number].op)
    for op in operations:
        if op is not last:
            place(op)
    if last is not None:
        block.add_op(last)
