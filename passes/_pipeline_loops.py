"""Software pipelining of loops: plans each one, builds its code, and takes it back if it does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import npu
from rnncc.passes._block_order import Scheduler, rearrange
from rnncc.passes._dependence import Node
from rnncc.passes._live_ranges import live_ranges
from rnncc.passes._pipeline_plan import PipelinePlan, plan_pipeline
from rnncc.passes._placement import fits
from rnncc.passes._remarks import remark, title
from rnncc.passes._rotate import KERNEL_ATTR, Rotation

FEWEST = 5
"""Turns from which a loop is pipelined."""
LARGEST = 256
"""Operations in a turn up to which a loop is pipelined."""


@dataclass
class Pipeliner:
    """Pipelines the loops of one function.

    Attributes:
        element_bytes: of the widest floating-point type, for the memories' capacity.
        replaced: the loops that are no longer in the function.
        made: what stands in their place.
    """

    element_bytes: int
    replaced: list[Operation] = field(default_factory=list)
    made: list[Operation] = field(default_factory=list)

    def __call__(self, scheduler: Scheduler, loop: npu.LoopOp) -> bool:
        """Pipeline a loop whose body is ordered; False when it stays, perhaps in another order."""
        if loop.maximum < FEWEST or loop.leaves:
            return False
        table = scheduler.table
        graph, kernel = scheduler.kernel(loop)
        if not 1 < len(graph) <= LARGEST:
            return False
        private = _private(scheduler, loop)
        for copied in _ways(scheduler, private):
            plan = plan_pipeline(graph, kernel, copied, list(range(len(graph))), table)
            if not plan.pipelined:
                if plan.better and not self._rearranged(scheduler, loop, graph, plan):
                    continue
                self._note(loop, plan, "")
                return False
            code = Rotation(loop, graph, plan, private, table).code()
            if self._fits(scheduler, loop, code):
                self._take(scheduler, loop, code, plan)
                return True
        self._note(loop, plan, ", which on-chip memory has no room for")
        return False

    def _fits(self, scheduler: Scheduler, loop: npu.LoopOp, code: list[Operation]) -> bool:
        """Put the code in the loop's place; back again if the memories do not hold it."""
        block = loop.parent
        assert block is not None
        block.insert_ops_before(code, loop)
        after = loop.next_op
        loop.detach()
        ranges = live_ranges(scheduler.function, scheduler.table)
        if fits(ranges, scheduler.machine, self.element_bytes):
            return True
        if after is None:
            block.add_op(loop)
        else:
            block.insert_ops_before([loop], after)
        discard(code)
        return False

    def _rearranged(
        self, scheduler: Scheduler, loop: npu.LoopOp, graph: list[Node], plan: PipelinePlan
    ) -> bool:
        """Put a body into the order that repeats fastest; back again if the memories do not hold it."""
        rearrange(loop.body.block, graph, plan.order)
        if fits(
            live_ranges(scheduler.function, scheduler.table), scheduler.machine, self.element_bytes
        ):
            scheduler.repeats(loop, ceil(plan.interval))
            return True
        rearrange(loop.body.block, graph, list(range(len(graph))))
        return False

    def _take(
        self, scheduler: Scheduler, loop: npu.LoopOp, code: list[Operation], plan: PipelinePlan
    ) -> None:
        self.replaced.append(loop)
        self.made += code
        scheduler.measure(live_ranges(scheduler.function, scheduler.table))
        kernel = next(op for op in code if KERNEL_ATTR in op.attributes)
        self._note(kernel, plan, "")

    def _note(self, loop: Operation, plan: PipelinePlan, why: str) -> None:
        """Say what was done: initiation interval, its minimum, and what binds that."""
        least = f"at least {plan.bound.cycles}, {plan.bound.binds}"
        if why:
            text = f"is not pipelined: {plan.interval:.0f} cycles a turn instead of {plan.plain:.0f} ({least}){why}"
        elif plan.better and not plan.pipelined:
            text = f"is in another order: {plan.interval:.0f} cycles a turn instead of {plan.plain:.0f} ({least})"
        elif not plan.pipelined:
            text = f"is not pipelined: {plan.plain:.0f} cycles a turn ({least})"
        else:
            early = plan.stages.count(0)
            text = (
                f"is pipelined: {plan.interval:.0f} cycles a turn instead of {plan.plain:.0f} ({least}); "
                f"{early} of {len(plan.stages)} operations run {_turns(plan.ahead)} ahead, "
                f"{plan.ahead + 1} copies of {len(plan.copied)} buffers"
            )
        remark(loop, "schedule", f"the loop of {title(loop)} {text}")


def _ways(scheduler: Scheduler, private: set[SSAValue]) -> list[set[SSAValue]]:
    """Which buffers may get copies: all, all but panels of weights where those fill their memory, none."""
    panels = {b for b in private if npu.memory_of(b) == "wmem"}
    room = scheduler.capacity["wmem"] - scheduler.total["wmem"]
    ways = [private, private - panels, set[SSAValue]()]
    if panels and sum(npu.byte_size(b) for b in panels) > room:
        del ways[0]
    return [way for k, way in enumerate(ways) if way not in ways[:k]]


def _turns(count: int) -> str:
    return "a turn" if count == 1 else f"{count} turns"


def _private(scheduler: Scheduler, loop: npu.LoopOp) -> set[SSAValue]:
    """Buffers that live inside one turn and that no register moves in."""
    found = set()
    for buffer in scheduler.local.get(loop.body.block, ()):
        views = [use.operation for use in buffer.uses]
        if all(isinstance(v, npu.ViewOp) and v.index is None for v in views):
            found.add(buffer)
    return found


def discard(operations: list[Operation]) -> None:
    """Take operations out of the function for good."""
    for op in operations:
        if op.parent is not None:
            op.detach()
    for op in reversed(operations):
        op.erase(safe_erase=False)
