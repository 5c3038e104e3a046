"""Cycles of operations of the npu dialect, by the same cost functions that the simulator uses."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation

from rnncc.codegen.forms import instruction_form
from rnncc.cost import cost, work
from rnncc.cost.dma import transfer_queue
from rnncc.cost.vector import IN_UNITS, operation_class
from rnncc.dialects import npu
from rnncc.machine import MachineDescription
from rnncc.passes._register_limits import register_limit
from rnncc.simulator.shape import WHOLE_INPUT


@dataclass(frozen=True, slots=True)
class Link:
    """An instruction of a ``chain`` vector engine.

    Attributes:
        function: its class of operation.
        elements: of one operand; all instructions of a chain have as many.
        units: instructions of its class that a chain may have.
    """

    function: str
    elements: int
    units: int


@dataclass(frozen=True, slots=True)
class OpCost:
    """When an operation is done, in cycles from its start.

    Attributes:
        engine: ``dma``, ``matrix``, ``vector``; ``control`` stops the dispatcher.
        busy: until the engine can start the next.
        first: until a consumer may start (the first result when the machine chains).
        last: until all results are there.
    """

    engine: str
    busy: int
    first: int
    last: int
    inside: frozenset[str] = frozenset()
    """Queues that the operations inside a loop or branch take; empty for a single instruction."""
    link: Link | None = None
    """What a ``chain`` vector engine must know of an instruction; None for other engines."""
    lane: str = ""
    """Its queue; empty for the engine's."""
    load: int = 0
    """The first cycles of a product, in which only weights are taken, beside the product before it."""
    stream: int = 0
    """The last cycles of a product with `load`, for which its weights are in the array."""
    weights: bool = False
    """Whether it writes to the weight memory."""
    sums: bool = False
    """Whether it adds to what products before it left, which the array does in order without waiting."""
    leaves: bool = False
    """Whether it may end the loop."""
    path: int = 0
    """The last cycles of ``busy``, during which a transfer takes the data path."""
    pace: int = 0
    """Cycles of its engine that it takes from others, less than ``busy`` with several channels; 0 is ``busy``."""
    streams: bool = True
    """Whether it can start on the first elements of what it reads."""
    barrier: int = 0
    """Cycles from its end to where the other engine has its results, on a bulk-synchronous machine."""
    lead: int = 0
    """Cycles for which a loop runs on its own before it needs what others made."""

    @property
    def taken(self) -> int:
        """Cycles of its engine that it takes from others."""
        return self.pace or self.busy


def instruction_cost(machine: MachineDescription, op: npu.InstructionOp) -> OpCost:
    """The cost of one instruction at its largest extents."""
    counts = []
    for static, dim in zip(op.extent_values, op.dims, strict=True):
        limit = 1 if dim is None else register_limit(dim)
        counts.append(static * (1 if limit is None else max(0, limit)))
    operands = []
    for view in op.views:
        owner = view.owner
        assert isinstance(owner, npu.ViewOp)
        operands.append((npu.memory_of(view), str(npu.element_of(view)), owner.stride_values))
    name, kind, _ = instruction_form(op)
    ports = [
        place
        for place, view in enumerate(op.views)
        if isinstance(npu.buffer_of(view).owner, npu.InputOp | npu.OutputOp)
    ]
    task = work(machine, name, kind, (counts[0], counts[1], counts[2]), operands, ports)
    found = cost(machine, task)
    first = found.first if machine.chaining else found.last
    pace = found.busy
    if found.engine == "dma":
        # Transfers of several channels overlap but for the data path that they share.
        pace = max(found.shared, found.busy // machine.dma.channels)
    link = None
    if found.engine == "vector" and machine.vector.kind == "chain":
        function = operation_class(name, kind)
        units = machine.vector.units if function in IN_UNITS else 0
        link = Link(function, task.elements, units)
    return OpCost(
        found.engine,
        found.busy,
        first,
        found.last,
        link=link,
        lane=transfer_queue(machine, task) if found.engine == "dma" else found.engine,
        path=found.shared,
        pace=pace,
        load=found.load,
        stream=found.stream,
        weights=npu.memory_of(op.dst) == "wmem",
        sums=isinstance(op, npu.MmOp) and op.dst in op.reads,
        streams=name not in WHOLE_INPUT,
        barrier=machine.sync.cycles if machine.sync.kind == "bulk" else 0,
    )


def control_cost(machine: MachineDescription, op: Operation) -> OpCost:
    """The cost of a scalar read or a break; other scalars take one dispatch."""
    control = machine.control
    if isinstance(op, npu.BreakOp):
        cycles = control.dispatch_cycles + control.branch_cycles
        return OpCost("control", cycles, cycles, cycles, leaves=True)
    cycles = control.read_latency if isinstance(op, npu.ReadOp) else control.dispatch_cycles
    return OpCost("control", cycles, cycles, cycles)
