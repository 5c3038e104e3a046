"""The pass `allocate`: an address for every work buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass

from rnncc.dialects import npu
from rnncc.dialects._main import main_function
from rnncc.dialects._types import node_name
from rnncc.errors import CapacityError
from rnncc.machine import MachineDescription, load_machine
from rnncc.passes._live_ranges import LiveRange, live_ranges
from rnncc.passes._placement import aligned, limits, peak, place
from rnncc.passes._spill import spill
from rnncc.passes._spill_choice import choose


@dataclass(frozen=True)
class AllocatePass(ModulePass):
    """Place every work buffer in its memory; what on-chip memory cannot hold goes to DRAM.

    Needs: one function at the npu level, scheduled (a later change of order could make live
    ranges overlap). Ensures: every `npu.alloc` has an `address` in container bytes, a multiple
    of the memory's granule; buffers alive together do not overlap; the function has
    ``rnncc.memory`` (bytes used of each memory) and, if something was spilled, ``rnncc.spills``.
    Exact. Sources: live ranges and greedy placement see `_live_ranges` and `_placement`; the
    choice of spills by benefit a byte follows Chaitin (1982).

    Raises:
        CapacityError: a buffer fits no memory; names its ONNX node and the bytes.
    """

    name = "allocate"

    target: str = "edge"
    """Machine: a built-in name or the path of a machine file."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Place the buffers of the module's function."""
        function = main_function(op)
        machine = load_machine(self.target)
        used: dict[str, int] = {}
        spills: list[str] = []
        everything = live_ranges(function)
        for memory in ("wmem", "vmem", "dram"):
            used[memory], everything = _fill(function, machine, memory, everything, spills)
        for alloc in function.walk():
            if isinstance(alloc, npu.AllocOp) and alloc.address is None:
                _set_address(alloc, 0)  # nothing touches it
        function.attributes["rnncc.memory"] = DictionaryAttr(
            {memory: IntegerAttr(size, i64) for memory, size in sorted(used.items())}
        )
        if spills:
            function.attributes["rnncc.spills"] = ArrayAttr([StringAttr(s) for s in spills])


def _set_address(alloc: npu.AllocOp, address: int) -> None:
    alloc.properties["address"] = IntegerAttr(address, i64)


def _fill(
    function: FuncOp,
    machine: MachineDescription,
    memory: str,
    everything: list[LiveRange],
    spills: list[str],
) -> tuple[int, list[LiveRange]]:
    """Place the buffers of one memory, spilling until they fit.

    Returns:
        The bytes used, and the live ranges of all memories after the last spill.
    """
    element_bytes = npu.widest_float(function)
    capacity, align = limits(machine, memory, element_bytes)
    scale = machine.scale(element_bytes)[memory]
    if memory == "dram":
        fixed = sum(
            aligned(npu.byte_size(op.results[0]), align)
            for op in function.walk()
            if isinstance(op, npu.ConstOp | npu.InputOp | npu.OutputOp)
        )
        if fixed > capacity:
            raise CapacityError(
                f"weights, inputs and outputs take {fixed // scale} bytes of dram, "
                f"{machine.name} has {capacity // scale}",
                "take a machine with more dram (--target)",
            )
        capacity -= fixed
    while True:
        ranges = [r for r in everything if npu.memory_of(r.buffer) == memory]
        addresses = place(ranges, capacity, align)
        if addresses is not None:
            for item in ranges:
                _set_address(item.alloc, addresses[id(item)])
            return max((addresses[id(r)] + r.size for r in ranges), default=0), everything
        chosen = choose(ranges, capacity, align) if memory != "dram" else []
        if not chosen:
            raise _too_large(ranges, memory, capacity, scale)
        for item in chosen:
            spills.append(f"{item.alloc.sym.data} ({memory}, {item.size} bytes)")
            spill(item)
        everything = live_ranges(function)


def _too_large(
    ranges: Sequence[LiveRange], memory: str, capacity: int, scale: int
) -> CapacityError:
    where, _ = peak(ranges)
    alive = [r for r in ranges if r.start <= where <= r.end]
    largest = max(alive, key=lambda r: r.size)
    together = sum(r.size for r in alive)
    event = next((e for e in largest.events if e.position >= where), largest.events[-1])
    node = node_name(largest.alloc) or node_name(event.op)
    name = largest.alloc.sym.data
    return CapacityError(
        f"node '{node}': buffer '{name}' needs {largest.size // scale} bytes of {memory} "
        f"({together // scale} with what is needed beside it), the machine has {capacity // scale}",
        hint=f"take a machine with more {memory} (--target), or a smaller batch or maximum length",
    )
