"""The pass `schedule`: the order of instructions."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import npu
from rnncc.errors import PassError, nearest
from rnncc.interpreter.npu import main_of
from rnncc.machine import MachineDescription, load_machine
from rnncc.passes._dependence import Node, dependence_graph, is_node
from rnncc.passes._list_order import list_order
from rnncc.passes._live_ranges import LiveRange, live_ranges
from rnncc.passes._op_cost import OpCost, control_cost, instruction_cost
from rnncc.passes._placement import fits
from rnncc.passes._pressure import Pressure
from rnncc.passes._windows import AccessTable

POLICIES = ("list", "none")


@dataclass(frozen=True)
class SchedulePass(ModulePass):
    """Order every block so that the engines overlap: critical path first, loads early.

    Needs: one function at the npu level, without addresses (an address fixed before would be a
    false dependence). Ensures: the same operations in each block, in an order that keeps every
    dependence; on-chip memory that fitted still fits. Exact.
    Source: list scheduling on the dependence graph, see `_list_order`.

    Raises:
        PassError: an unknown policy.
    """

    name = "schedule"

    policy: str = "list"
    """``list``, or ``none`` to keep the order of the lowering."""
    target: str = "edge"
    """Machine: a built-in name or the path of a machine file."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Order the blocks of the module's function, innermost first."""
        if self.policy not in POLICIES:
            raise PassError(
                f"schedule has no policy '{self.policy}'", hint=nearest(self.policy, POLICIES)
            )
        if self.policy == "none":
            return
        machine = load_machine(self.target)
        function = main_of(op)
        original = {block: list(block.ops) for block in _blocks(function)}
        element_bytes = npu.widest_float(function)
        table = AccessTable()
        ranges = live_ranges(function, table)
        capacity = {m: machine.capacity(m, element_bytes) for m in ("wmem", "vmem")}
        fitted = fits(ranges, machine, element_bytes)
        # An order may need more memory than the original one as long as that is there. Whether it
        # is, only placement knows for sure: buffers that come and go leave gaps.
        for tight in (False, True) if fitted else (True,):
            Scheduler(machine, table, ranges, capacity, tight=tight).block(function.body.block)
            if not fitted or fits(live_ranges(function, table), machine, element_bytes):
                return
            for block, operations in original.items():
                _refill(block, operations)


def _blocks(function: FuncOp) -> list[Block]:
    return [r.block for op in function.walk() if op is function or is_node(op) for r in op.regions]


class Scheduler:
    """Orders blocks; remembers what nested blocks cost."""

    def __init__(
        self,
        machine: MachineDescription,
        table: AccessTable,
        ranges: list[LiveRange],
        capacity: dict[str, int],
        *,
        tight: bool,
    ):
        """Prepare for one function.

        Args:
            machine: the machine.
            table: what the operations touch.
            ranges: live ranges in the original order.
            capacity: bytes of the on-chip memories.
            tight: let no order need more on-chip memory than the original one.
        """
        self.machine = machine
        self.table = table
        self.tight = tight
        self.capacity = capacity
        self.local: dict[Block, set[SSAValue]] = {}
        self.total = dict.fromkeys(capacity, 0)
        self.known: dict[tuple[object, ...], OpCost] = {}
        for item in ranges:
            memory = npu.memory_of(item.buffer)
            if memory in capacity:
                self.total[memory] += item.size
                self.local.setdefault(item.home, set()).add(item.buffer)

    def block(self, block: Block) -> int:
        """Order a block and those inside it; returns the cycles it is expected to take."""
        nested = {op: self._nested(op) for op in block.ops if op.regions}
        graph = dependence_graph(block, self.table, self.local.get(block, set()))
        costs = [nested.get(node.op) or self._cost(node.op) for node in graph]
        local = self.local.get(block, set())
        room = {
            memory: self.capacity[memory]
            - self.total[memory]
            + sum(npu.byte_size(b) for b in local if npu.memory_of(b) == memory)
            for memory in self.capacity
        }
        order = list_order(
            graph, costs, Pressure(graph, local, room, self.tight), self.machine.control
        )
        _rearrange(block, graph, order.numbers)
        return order.cycles

    def _nested(self, op: Operation) -> OpCost:
        """A loop or branch as one operation that keeps the dispatcher busy."""
        inside = [self.block(region.block) for region in op.regions]
        engines = {i.ENGINE for i in op.walk() if isinstance(i, npu.InstructionOp)}
        control = self.machine.control
        if isinstance(op, npu.LoopOp):
            cycles = op.maximum * (inside[0] + control.loop_cycles)
        else:
            cycles = max(inside) + control.branch_cycles
        return OpCost("control", cycles, cycles, cycles, frozenset(engines))

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


def _refill(block: Block, operations: list[Operation]) -> None:
    """Put exactly these operations into a block, in this order."""
    for op in list(block.ops):
        op.detach()
    for op in operations:
        block.add_op(op)


def _rearrange(block: Block, graph: list[Node], numbers: list[int]) -> None:
    """Put the nodes of a block into an order; storage first, views and scalars before their users."""
    operations = list(block.ops)
    last = operations[-1] if operations and operations[-1].name == "func.return" else None
    _refill(block, [])
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
