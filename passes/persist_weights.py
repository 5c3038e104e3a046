"""persist-weights: constants that are loaded once, before the first run, and stay on chip between runs.

Needs: one function at the npu level, before `allocate`. Ensures: transfers of constants into on-chip buffers that
nothing else writes come first and are marked, with their buffers, ``npu.persistent``, as far as the memories hold
these buffers for good beside what else is alive. The program then has a setup part, whose cycles are counted apart
from those of a run. Exact.

Source: weights pinned on chip for as long as a model is served (Fowers et al., ISCA 2018); persistent weights
(Diamos et al., ICML 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass

from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.machine import load_machine
from rnncc.passes._live_ranges import live_ranges
from rnncc.passes._placement import fits
from rnncc.passes._remarks import remark


@dataclass(frozen=True)
class PersistWeightsPass(ModulePass):
    """Loads of constants become the program's setup, where the memories allow."""

    name = "persist-weights"

    target: str = "edge"
    """Machine: a built-in name or the path of a machine file."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Mark and move the loads of the module's function."""
        function = main_function(op)
        machine = load_machine(self.target)
        width = npu.widest_float(function)
        found = candidates(function)
        kept: dict[npu.AllocOp, list[npu.DmaOp]] = {}
        for alloc, loads in sorted(found.items(), key=lambda item: -npu.byte_size(item[0].buffer)):
            alloc.attributes[npu.PERSISTENT] = UnitAttr()
            if fits(live_ranges(function), machine, width):
                kept[alloc] = loads
                continue
            del alloc.attributes[npu.PERSISTENT]
            size = npu.byte_size(alloc.buffer)
            remark(
                function,
                self.name,
                f"'{alloc.sym.data}' ({size} bytes) does not fit beside the rest",
            )
        moved = [load for loads in kept.values() for load in loads]
        for load in moved:
            load.attributes[npu.PERSISTENT] = UnitAttr()
        if moved:
            remark(function, self.name, f"{len(moved)} loads of constants are done once")
        else:
            remark(function, self.name, "no load of a constant is alone in writing its buffer")


def candidates(function: FuncOp) -> dict[npu.AllocOp, list[npu.DmaOp]]:
    """On-chip buffers that only loads of constants write, at the top of the function, and these loads."""
    found: dict[npu.AllocOp, list[npu.DmaOp]] = {}
    for alloc in function.body.block.ops:
        if not isinstance(alloc, npu.AllocOp) or npu.memory_of(alloc.buffer) == "dram":
            continue
        writers = [op for op in _users(alloc) if _writes(op, alloc)]
        loads = [op for op in writers if isinstance(op, npu.DmaOp) and _fixed(op, function)]
        if writers and len(loads) == len(writers):
            found[alloc] = loads
    return found


def _users(alloc: npu.AllocOp) -> list[npu.InstructionOp]:
    return [
        inner.operation
        for use in alloc.buffer.uses
        for result in use.operation.results
        for inner in result.uses
        if isinstance(inner.operation, npu.InstructionOp)
    ]


def _writes(op: npu.InstructionOp, alloc: npu.AllocOp) -> bool:
    return "dst" in op.VIEWS and npu.buffer_of(op.dst) is alloc.buffer  # type: ignore[attr-defined]


def _fixed(op: npu.DmaOp, function: FuncOp) -> bool:
    """Whether a transfer brings the same part of a constant to the same place at every run."""
    views = [view.owner for view in op.views]
    still = all(isinstance(v, npu.ViewOp) and v.index is None for v in views)
    constant = isinstance(npu.buffer_of(op.src).owner, npu.ConstOp)
    return still and constant and op.parent is function.body.block and not any(op.dims)
