"""The pass `schedule`: the order of instructions.

Needs: one function at the npu level, without addresses (an address fixed before would be a false
dependence). Ensures: the same results; on-chip memory that fitted still fits, and what did not is
first put into an order of least memory (`_fitting_order`), so that nothing is spilled that a better
order would keep.

``policy=list`` orders every block so that the engines overlap, critical path first and loads early
(`_list_order`); the operations stay the same. ``policy=modulo``, the default, does that too and
pipelines loops (`_pipeline_plan`): what needs nothing of earlier turns runs up to three turns ahead,
or stores run a turn behind, or both stages are as a modulo schedule says, whichever takes the fewest
cycles from turn to turn; buffers get copies where that needs them and they fit. The code before, in
and after the loop (`_rotate`) is the same whatever the count is. A loop is left alone where
pipelining saves less than one cycle in a hundred, where it may end before its count, and where
memory is short. ``policy=none`` keeps the order of the lowering. Exact. Remarks give the interval
from turn to turn, its minimum, and what binds that.

Sources: list scheduling, Gibbons and Muchnick (1986); iterative modulo scheduling, Rau (1994); modulo
variable expansion, Lam (1988).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.errors import PassError, nearest
from rnncc.machine import load_machine
from rnncc.passes._block_order import Scheduler, blocks_of, refill
from rnncc.passes._fitting_order import save_memory
from rnncc.passes._live_ranges import live_ranges
from rnncc.passes._pipeline_loops import Pipeliner, discard
from rnncc.passes._placement import fits
from rnncc.passes._remarks import REMARKS
from rnncc.passes._windows import AccessTable

POLICIES = ("modulo", "list", "none")


@dataclass(frozen=True)
class SchedulePass(ModulePass):
    """Order every block so that the engines overlap; overlap the turns of loops.

    See the module's text for what each policy does.

    Raises:
        PassError: an unknown policy.
    """

    name = "schedule"

    policy: str = "modulo"
    """``modulo``; ``list`` without pipelining; ``none`` to keep the order of the lowering."""
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
        function = main_function(op)
        original = {block: list(block.ops) for block in blocks_of(function)}
        remarks = function.attributes.get(REMARKS)
        element_bytes = npu.widest_float(function)
        capacity = {m: machine.capacity(m, element_bytes) for m in ("wmem", "vmem")}
        table = AccessTable()  # what an operation touches stays as it is wherever it is put
        fitted = fits(live_ranges(function, table), machine, element_bytes)
        if not fitted:
            # Another order may need less; if none that is found fits, the program keeps its own.
            save_memory(function, capacity, table)
            fitted = fits(live_ranges(function, table), machine, element_bytes)
            if fitted:
                original = {block: list(block.ops) for block in blocks_of(function)}
            else:
                _undo(function, original, None)
        # An order may need more memory than the original one as long as that is there. Whether it
        # is, only placement knows for sure: buffers that come and go leave gaps.
        ways = [(False, False), (False, True)] if fitted else [(False, True)]
        if self.policy == "modulo" and fitted:
            ways = [(True, False), (True, True), *ways]
        for pipelined, tight in ways:
            pipeliner = Pipeliner(element_bytes) if pipelined else None
            scheduler = Scheduler(
                machine, function, capacity, table, tight=tight, pipeliner=pipeliner
            )
            scheduler.block(function.body.block)
            if not fitted or fits(live_ranges(function, table), machine, element_bytes):
                if pipeliner is not None:
                    discard(pipeliner.replaced)
                return
            _undo(function, original, pipeliner)
            if remarks is not None:
                function.attributes[REMARKS] = remarks
            else:
                function.attributes.pop(REMARKS, None)


def _undo(
    function: FuncOp, original: dict[Block, list[Operation]], pipeliner: Pipeliner | None
) -> None:
    """Put all operations back where they were."""
    for block, operations in original.items():
        refill(block, operations)
    if pipeliner is not None:
        discard(pipeliner.made)
